#!/bin/sh
# Check the style (format and lint) and the types. `style` or `types` checks one of them.
set -eu
cd "$(dirname "$0")/.."

style() {
    .venv/bin/ruff format --check --quiet . ||
        { echo 'genkan: files are not formatted. Run .venv/bin/ruff format .' >&2; return 1; }
    .venv/bin/ruff check --quiet .
}

types() { .venv/bin/mypy --no-error-summary; }

case ${1:-all} in
style) style ;;
types) types ;;
*) style && types ;;
esac
