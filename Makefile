# `make run` to look at it, `make test` to change it, `make serve` for production.
.POSIX:
.PHONY: run serve setup test lint lock bench

run: setup
	@exec .venv/bin/python -m deploy.run

serve: setup
	@exec .venv/bin/python -m deploy.serve

setup:
	@sh scripts/setup.sh requirements.txt

test:
	@sh scripts/setup.sh requirements-dev.txt
	@sh scripts/services.sh
	@sh scripts/check.sh
	@exec .venv/bin/python -m pytest

lint:
	@sh scripts/setup.sh requirements-dev.txt
	@sh scripts/check.sh

bench:
	@sh scripts/setup.sh requirements-dev.txt
	@exec .venv/bin/python -m bench

lock:
	@sh scripts/lock.sh
