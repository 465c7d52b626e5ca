"""Clients: wrk, which sends as fast as it gets answers, and h2load, which sends at a constant rate.

wrk measures how much a server can do. Its latencies leave out what a user would have waited: while the server is slow,
wrk sends less. h2load starts each request at its time, on one of many connections. Where a response took longer than a
connection's interval, the next request on it was late. For these, values are added as HdrHistogram does.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.granian import Server

INTERVAL = 0.1
"""Seconds between two requests on one connection of h2load."""
OPENING_STEPS = 100
"""The connections are opened at this many times within INTERVAL, so that their requests are spread over it."""
WARM_UPS = 5
"""Runs of wrk at most before the first measurement."""
WARM_UP_TIMES = 10
GRACE = 120
"""Seconds after which a client that has not ended is killed."""

SCRIPT = """
local cookies, paths, requests, sent = {cookies}, {paths}, {{}}, 0

function init()
    for number, cookie in ipairs(cookies) do
        requests[number] = wrk.format("GET", paths[(number - 1) % #paths + 1], {{ ["Cookie"] = cookie }})
    end
end

function request()
    sent = sent + 1
    return requests[(sent - 1) % #requests + 1]
end
"""


def require(*programs: str) -> None:
    """Exit if a program is not installed."""
    packages = {"h2load": "nghttp2-client", "nginx": "nginx-light"}
    for program in programs:
        if shutil.which(program) is None:
            sys.exit(f"genkan: {program} is missing. On Debian: apt install {packages.get(program, program)}")


class Throughput(NamedTuple):
    """Requests of one run of wrk, how many there were a second, their errors, and the processor time of one in µs."""

    requests: int
    rate: float
    errors: int
    cpu: float


def saturate(
    server: Server, cookies: Sequence[str], seconds: int, *, paths: Sequence[str], connections: int
) -> Throughput:
    """Send requests with wrk on persistent connections, each with the next cookie and the next path."""
    before = server.cpu()
    printed = _wrk(server, cookies, seconds, paths, connections)
    used, requests = server.cpu() - before, _requests(printed)
    if not requests:
        sys.exit(f"genkan: {server.name} answered no request within {seconds} seconds")
    return Throughput(
        requests, _figure(r"Requests/sec:\s+([\d.]+)", printed), count_errors(printed), used / requests * 1e6
    )


def warm_up(server: Server, cookies: Sequence[str], seconds: int, *, paths: Sequence[str], connections: int) -> None:
    """Send each cookie several times. A worker that has just started, on a busy machine, gets further runs of wrk."""
    for _ in range(WARM_UPS):
        if _requests(_wrk(server, cookies, seconds, paths, connections)) > WARM_UP_TIMES * len(cookies):
            break


def _wrk(server: Server, cookies: Sequence[str], seconds: int, paths: Sequence[str], connections: int) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(SCRIPT.format(cookies=_lua(cookies), paths=_lua(paths)))
        file.flush()
        return _run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", file.name, server.origin], seconds)


def _requests(printed: str) -> int:
    return int(_figure(r"(\d+) requests in", printed))


def _lua(values: Sequence[str]) -> str:
    return f"{{{', '.join(map(json.dumps, values))}}}"


def _figure(pattern: str, printed: str) -> float:
    found = re.search(pattern, printed)
    if found is None:
        sys.exit(f"genkan: a client printed no figure\n{printed}")
    return float(found[1])


def count_errors(printed: str) -> int:
    """Return the responses of a run of wrk that are neither 2xx nor 3xx, and the errors of its connections."""
    found = re.findall(r"Non-2xx or 3xx responses: (\d+)|(?:connect|read|write|timeout) (\d+)", printed)
    return sum(int(status or socket) for status, socket in found)


def _run(command: Sequence[str], seconds: float) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + GRACE).stdout


class Response(NamedTuple):
    """When a request was sent, in seconds since 1970, the milliseconds until its response ended, and its status.

    The status is -1 for a request without a response.
    """

    sent: float
    milliseconds: float
    status: int


@dataclass(frozen=True)
class Responses:
    """Responses to requests at a constant rate."""

    responses: Sequence[Response]
    requests: int

    @property
    def errors(self) -> int:
        """Return the number of requests without a response with status 200."""
        return self.requests - sum(response.status == 200 for response in self.responses)

    @property
    def rate(self) -> float:
        """Return the requests a second that were sent."""
        sent = [response.sent for response in self.responses]
        return len(sent) / (max(sent) - min(sent))

    def quantiles(self, *parts: float) -> list[float]:
        """Return quantiles of the milliseconds, in which a late request counts with the time that it was late."""
        times = sorted(time for response in self.responses for time in _with_late(response.milliseconds))
        return [times[min(len(times) - 1, int(len(times) * part))] for part in parts]


def _with_late(milliseconds: float) -> Iterator[float]:
    while milliseconds > 0:
        yield milliseconds
        milliseconds -= INTERVAL * 1000


def send_at(rate: float, server: Server, cookie: str, seconds: float, path: str) -> Responses:
    """Send `rate` requests a second with h2load for about this many seconds."""
    connections = max(1, round(rate * INTERVAL))
    steps = min(connections, OPENING_STEPS)
    requests = connections * max(1, round(seconds / INTERVAL))
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        command = [
            *("h2load", "--h1", "-t1", f"-c{connections}", f"-n{requests}", f"--rps={rate / connections:.6f}"),
            *("-r", str(math.ceil(connections / steps)), f"--rate-period={INTERVAL * 1000 / steps:.0f}ms"),
            *("-H", f"Cookie: {cookie}", "-N20s", f"--log-file={log}", server.origin + path),
        ]
        _run(command, seconds)
        return Responses([_response(line) for line in log.read_text().splitlines()], requests)


def _response(line: str) -> Response:
    sent, status, microseconds = line.split("\t")[:3]
    return Response(int(sent) / 1e6, int(microseconds) / 1000, int(status))
