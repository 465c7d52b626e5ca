#!/bin/sh
# Compile the .in files to pinned requirements with hashes, for every supported Python.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh requirements-dev.txt
if command -v uv >/dev/null; then uv=uv; else uv=.tools/bin/uv; fi
if [ "$uv" = .tools/bin/uv ] && [ ! -x "$uv" ]; then
    python3 -m pip install -qq --require-hashes --target .tools -r scripts/uv.txt
fi
compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header "$@"
}
compile --output-file requirements.txt requirements.in
compile --constraint requirements.txt --output-file requirements-dev.txt requirements-dev.in
compile --output-file bench/peers/requirements.txt bench/peers/requirements.in
