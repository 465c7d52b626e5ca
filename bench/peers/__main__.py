"""Session route of Genkan and of other libraries: `python -m bench.peers [--quick] [--without-node]`.

Prints a Markdown table. Each server has one process that serves requests, and a user who is signed in. In each round the
servers take turns, and every figure is a median of rounds. The packages are installed into `.tools/peers` first.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from bench.load.__main__ import machine
from bench.load.clients import Throughput, require, saturate, warm_up
from bench.load.growth import spread
from bench.peers import install
from bench.peers.servers import NODE_PEERS, PYTHON_PEERS, Peer, Target, running

CONNECTIONS = 8
BARE, GENKAN, GENKAN_REISSUING = ("bare Flask route", False), ("Genkan", False), ("Genkan", True)
Rounds = Sequence[Mapping[tuple[str, bool], Throughput]]


def main() -> None:
    """Install what is missing, run the servers, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, to check that everything works")
    parser.add_argument("--without-node", action="store_true", help="the peers in Python only")
    arguments = parser.parse_args()
    require("wrk")
    # SIGTERM must stop the servers that the benchmark started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.umask(0o077)
    peers = PYTHON_PEERS if arguments.without_node else (*PYTHON_PEERS, *NODE_PEERS)
    rounds, seconds = (1, 1) if arguments.quick else (5, 3)
    install.python()
    print(f"{machine()}{'' if arguments.without_node else _versions()}\n", flush=True)
    with tempfile.TemporaryDirectory() as folder, running(folder, peers) as targets:
        for target in targets.values():
            warm_up(target.server, [target.cookie], seconds, paths=(target.path,), connections=CONNECTIONS)
        for line in _table(peers, targets, [_turn(targets, seconds) for _ in range(rounds)]):
            print(line, flush=True)


def _versions() -> str:
    packages = install.node() / "node_modules"
    names = ("@auth/express", "next", "next-auth", "better-auth")
    versions = [f"{name} {json.loads((packages / name / 'package.json').read_text())['version']}" for name in names]
    node = subprocess.run([shutil.which("node") or "node", "--version"], capture_output=True, text=True, check=True)
    return f", Node.js {node.stdout.strip()}, {', '.join(versions)}"


def _turn(targets: Mapping[tuple[str, bool], Target], seconds: int) -> dict[tuple[str, bool], Throughput]:
    """Measure every server once. Exit if a request failed."""
    found = {}
    for key, target in targets.items():
        run = saturate(target.server, [target.cookie], seconds, paths=(target.path,), connections=CONNECTIONS)
        if run.errors:
            sys.exit(f"genkan: {run.errors} requests to {target.server.name} failed")
        found[key] = run
    return found


def _table(peers: Sequence[Peer], targets: Mapping[tuple[str, bool], Target], rounds: Rounds) -> Iterator[str]:
    yield (
        "| server | a second | against bare Flask | Genkan is times as fast | target | µs of processor time "
        "| re-issued at every reading: a second | Genkan is times as fast | µs of processor time | MiB |"
    )
    yield f"|{' --- |' * 10}"
    wanted = {peer.name: f">= {peer.target:g}" for peer in peers if peer.target}
    for name in dict.fromkeys(name for name, _ in targets):
        # A library that re-issues always is in both columns with the same figures.
        kept = (name, False) if (name, False) in targets else (name, True)
        bare = spread(one[kept].rate / one[BARE].rate for one in rounds)
        reissued = _figures(rounds, (name, True), GENKAN_REISSUING) if (name, True) in targets else [""] * 3
        rate, faster, cpu = _figures(rounds, kept, GENKAN)
        memory = f"{targets[kept].server.memory():.0f}"
        yield f"| {' | '.join([name, rate, bare, faster, wanted.get(name, ''), cpu, *reissued, memory])} |"


def _figures(rounds: Rounds, key: tuple[str, bool], base: tuple[str, bool]) -> list[str]:
    rate, cpu = median(one[key].rate for one in rounds), median(one[key].cpu for one in rounds)
    return [f"{rate:,.0f}", spread(one[base].rate / one[key].rate for one in rounds), f"{cpu:.0f}"]


if __name__ == "__main__":
    main()
