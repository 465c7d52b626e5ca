"""Benchmarks. `make bench` runs the first one, `make bench BENCH=bench.load ARGS=--quick` another.

- `bench`: cost of `auth()`, against the same routes without it
- `bench.extension`: memory and time that the extension costs an application
- `bench.servers`: WSGI servers on the application's routes
- `bench.load`: latencies at constant and rising rates, tables of different sizes, memory, rolling restarts
- `bench.passwords`: 16 users who sign in with passwords at once, and a light route meanwhile
- `bench.peers`: the session route of other libraries in Python and Node.js
- `bench.pageload`: time until the user menu is there, in Chromium
- `bench.evidence`: experiments about revocation and robustness

They take turns in rounds and print Markdown. Every one ends by itself and stops what it started. `--quick` of
`load`, `peers` and `pageload` takes two minutes and only checks that everything works: a figure needs a machine without
other load.
"""
