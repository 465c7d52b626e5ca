"""Run of wrk, with requests per second and latencies."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import NamedTuple

MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


class Load(NamedTuple):
    """Requests per second, and the latencies p50 and p99 in milliseconds."""

    rate: float
    p50: float
    p99: float


def load(url: str, cookie: str, seconds: int, connections: int) -> Load:
    """Run wrk with persistent connections. Exit if a response is neither 2xx nor 3xx."""
    headers = ["-H", f"Cookie: {cookie}"] if cookie else []
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *headers, url]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    if found is None or "Non-2xx" in printed:
        sys.exit(f"genkan: {url} did not answer as expected\n{printed}")
    return Load(float(found[1]), _percentile(printed, 50), _percentile(printed, 99))


def _percentile(printed: str, percent: int) -> float:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)\s*$", printed, re.MULTILINE)
    return float(found[1]) * MILLISECONDS[found[2]] if found else float("nan")
