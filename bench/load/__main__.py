"""Behaviour under load: `python -m bench.load [--quick] [SCENARIO ...]`.

Prints Markdown tables of the reference application on granian. All clients and servers are on this machine, and share
its cores. Every scenario is bounded in requests or in time. `--quick` takes two minutes and checks that everything works.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version

from bench.load.clients import require
from bench.load.growth import growth
from bench.load.memory import memory
from bench.load.plan import FULL, QUICK, Plan
from bench.load.rolling import rolling
from bench.load.steady import ramp, steady
from bench.load.stores import Services, services

SCENARIOS: dict[str, Callable[[Services, Plan], Iterator[str]]] = {
    "steady": steady,
    "ramp": ramp,
    "growth": growth,
    "memory": memory,
    "rolling": rolling,
}


def main() -> None:
    """Run the scenarios and print their tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("scenario", nargs="*", choices=[*SCENARIOS, []], help="what to run (default: everything)")
    parser.add_argument("--quick", action="store_true", help="few requests, to check that everything works")
    parser.add_argument("--database", choices=FULL.databases, help="one database only")
    arguments = parser.parse_args()
    require("wrk", "h2load")
    # SIGTERM must stop the servers that the benchmark started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.umask(0o077)
    plan = QUICK if arguments.quick else FULL
    if arguments.database:
        plan = replace(plan, databases=(arguments.database,))
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as folder, services(folder) as shared:
        for name in arguments.scenario or SCENARIOS:
            for line in SCENARIOS[name](shared, plan):
                print(line, flush=True)
    print(f"\nLoad average at the end: {', '.join(f'{load:.2f}' for load in os.getloadavg())}")


def machine() -> str:
    """Return the versions, the cores, and the load of the machine before the run."""
    load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, granian {version('granian')}, {os.cpu_count()} cores, load average before {load}"


if __name__ == "__main__":
    main()
