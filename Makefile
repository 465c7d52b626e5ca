# `make run` to look at it, `make check` and `make test` to change it, `make serve` for production.
.POSIX:
.PHONY: run serve setup test check test-pythons lint lock bench docs screenshots compress dist

UNIT = tests/unit
# Three, also on two cores: tests wait for servers and browsers. A crash ends the run: a replaced process may wait for ever.
PARALLEL = -n 3 --max-worker-restart 0 --dist loadgroup --no-loadscope-reorder

run: setup
	@exec .venv/bin/python -m deploy.run

serve: setup
	@exec .venv/bin/python -OO -m deploy.serve

setup:
	@sh scripts/setup.sh requirements.txt

test:
	@sh scripts/setup.sh requirements-dev.txt
	@sh scripts/services.sh
	@sh scripts/check.sh style
	@sh scripts/check.sh types & types=$$!; .venv/bin/python -m pytest $(PARALLEL); tests=$$?; wait $$types && exit $$tests

check:
	@sh scripts/setup.sh requirements-dev.txt
	@sh scripts/services.sh
	@sh scripts/check.sh
	@exec .venv/bin/python -m pytest -q $(PARALLEL) $(UNIT)

test-pythons:
	@sh scripts/services.sh
	@sh scripts/pythons.sh -q $(PARALLEL) $(UNIT)

lint:
	@sh scripts/setup.sh requirements-dev.txt
	@sh scripts/check.sh

# `make bench BENCH=bench.load ARGS=--quick` runs another benchmark. bench/__init__.py lists them.
BENCH = bench
ARGS =
bench:
	@sh scripts/setup.sh requirements-dev.txt
	@exec .venv/bin/python -m $(BENCH) $(ARGS)

# Build the documentation into docs/_build/html.
docs:
	@sh scripts/setup.sh requirements-dev.txt
	@exec .venv/bin/python -m sphinx -q -E -W --keep-going docs docs/_build/html

# Replace the screenshots of the documentation by new ones.
screenshots:
	@sh scripts/setup.sh requirements-dev.txt
	@exec .venv/bin/python -m scripts.screenshots

# Compress the style sheets and scripts again, after one of them was changed.
compress:
	@sh scripts/setup.sh requirements-dev.txt
	@exec .venv/bin/python -m scripts.compress_static

lock:
	@sh scripts/lock.sh

# Build the source archive and the wheel of the package into dist/.
dist:
	@sh scripts/setup.sh requirements-dev.txt
	@rm -rf dist
	@exec .venv/bin/python -m hatchling build
