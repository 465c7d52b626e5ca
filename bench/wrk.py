"""One short run of wrk: how many requests a second, and how long they took."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import NamedTuple

MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


class Load(NamedTuple):
    """Requests per second; milliseconds in the middle and of the slowest hundredth."""

    rate: float
    p50: float
    p99: float


def load(url: str, cookie: str, seconds: int, connections: int) -> Load:
    """Asks from kept connections as fast as answers come. Ends the process when anything is answered but 2xx or 3xx."""
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
