"""Connections of a process that forks, as a server does that loads the application before it starts its workers."""

from __future__ import annotations

import subprocess
import sys

from genkan.settings.environment import ROOT

FORKS = """
import os, sys
from genkan.adapters.sqlalchemy import Database
from sqlalchemy import text

database = Database(sys.argv[1])
def count(number):
    for _ in range(100):
        with database.read() as session:
            assert session.execute(text(f"SELECT {number}")).scalar_one() == number
count(0)
children = []
for number in (1, 2):
    child = os.fork()
    if child == 0:
        count(number)
        os._exit(0)
    children.append(child)
count(3)
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
count(4)
"""


def test_forked_processes_share_no_connection(migrated_postgres_url: str) -> None:
    command = [sys.executable, "-c", FORKS, migrated_postgres_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
