#!/bin/sh
# Check formatting, lint and types.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/ruff format --check --quiet . || { echo 'genkan: files are not formatted. Run .venv/bin/ruff format .' >&2; exit 1; }
.venv/bin/ruff check --quiet .
.venv/bin/mypy --no-error-summary
