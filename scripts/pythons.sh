#!/bin/sh
# Run the unit tests on every supported Python that is installed, each in an environment of its own below .pythons.
# Usage: sh scripts/pythons.sh [OPTION...] TESTS: arguments of pytest
set -eu
cd "$(dirname "$0")/.."

# pyenv's shims are on PATH even for versions that are not installed, so each candidate is run once.
find_version() {
    for candidate in "python$1" "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/$1".*/bin/python; do
        if "$candidate" -c '' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

for version in 3.11 3.12 3.13 3.14; do
    python=$(find_version "$version")
    if [ -z "$python" ]; then
        echo "genkan: Python $version is not installed: not tested" >&2
        continue
    fi
    PYTHON=$python sh scripts/setup.sh requirements-dev.txt ".pythons/$version"
    echo "genkan: Python $version" >&2
    ".pythons/$version/bin/python" -m pytest "$@"
done
