"""Benchmarks: what their figures are computed from."""

from __future__ import annotations

import json
import re

import pytest

from bench.load.clients import INTERVAL, Response, Responses, count_errors
from bench.peers.install import SOURCES

INTERVAL_MS = INTERVAL * 1000


def responses(*milliseconds: float, requests: int | None = None) -> Responses:
    found = [Response(sent=0.0, milliseconds=time, status=200) for time in milliseconds]
    return Responses(found, len(found) if requests is None else requests)


def test_quantiles_are_those_of_the_responses() -> None:
    assert responses(*range(1, 101)).quantiles(0.5, 0.99, 0.999) == [51, 100, 100]


def test_a_response_slower_than_the_interval_counts_the_requests_that_it_delayed() -> None:
    slow = responses(3 * INTERVAL_MS)

    assert slow.quantiles(0.0, 0.5, 1.0) == [INTERVAL_MS, 2 * INTERVAL_MS, 3 * INTERVAL_MS]


def test_a_request_without_a_response_is_an_error() -> None:
    assert responses(1.0, 1.0, requests=3).errors == 1
    assert Responses([Response(0.0, 1.0, 502), Response(0.0, 1.0, -1), Response(0.0, 1.0, 200)], 3).errors == 2


@pytest.mark.parametrize(
    ("printed", "errors"),
    [
        ("  100 requests in 1.00s, 1MB read\nRequests/sec: 100.00\n", 0),
        ("  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n", 15),
    ],
)
def test_all_errors_of_wrk_are_counted(printed: str, errors: int) -> None:
    assert count_errors(printed) == errors


def test_packages_for_node_are_pinned() -> None:
    wanted = json.loads((SOURCES / "node" / "package.json").read_text())["dependencies"]
    locked = json.loads((SOURCES / "node" / "package-lock.json").read_text())["packages"]

    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert all("integrity" in package for path, package in locked.items() if path)


def test_packages_for_python_are_pinned() -> None:
    wanted = re.findall(r"^([\w-]+)(?:\[\w+\])?==([\d.]+)$", (SOURCES / "requirements.in").read_text(), re.MULTILINE)
    locked = dict(re.findall(r"^([\w-]+)==([\d.]+)", (SOURCES / "requirements.txt").read_text(), re.MULTILINE))

    assert len(wanted) == 5
    assert {name.lower(): version for name, version in wanted}.items() <= locked.items()
