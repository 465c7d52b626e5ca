"""Run an experiment: `python -m bench.evidence races`, or all of them: `python -m bench.evidence all`.

Prints rows of a Markdown table. docs/evidence.md quotes the results.
"""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module

from bench.evidence.support.setting import Options, Row

EXPERIMENTS = {
    "races": "races",
    "late-commits": "late_commits",
    "kills": "kills",
    "restarts": "restarts",
    "unwritable": "unwritable",
    "clocks": "clocks",
    "redis": "shared_cache",
    "soak": "soak",
    "fuzz": "fuzz",
    "disable": "disable",
    "mail": "mail",
}
"""Name and module of each experiment."""


def main() -> None:
    """Run the experiments that the command line names."""
    arguments = _arguments()
    # SIGTERM must stop the servers that the experiment started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    options = Options(arguments.requests, arguments.rounds, arguments.seed)
    print(f"seed {options.seed}\n\n| experiment | database | count | result |\n| --- | --- | --- | --- |", flush=True)
    for name in EXPERIMENTS if arguments.name == "all" else (arguments.name,):
        started = time.monotonic()
        measure: Callable[[Options], Iterator[Row]] = import_module(f"bench.evidence.{EXPERIMENTS[name]}").measure
        for row in measure(options):
            print(row, flush=True)
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.evidence", description=__doc__)
    parser.add_argument("name", choices=[*EXPERIMENTS, "all"])
    parser.add_argument("--requests", type=int, default=20_000, help="requests of soak and fuzz for each database")
    parser.add_argument(
        "--rounds", type=int, default=20, help="rounds of races for each database, twice those of kills"
    )
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="seed (default: a random one)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
