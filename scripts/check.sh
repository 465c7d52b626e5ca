#!/bin/sh
# Form, lint and types.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/ruff format --check --quiet . || { echo 'genkan: .venv/bin/ruff format . would mend this' >&2; exit 1; }
.venv/bin/ruff check --quiet .
.venv/bin/mypy --no-error-summary
