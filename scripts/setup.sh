#!/bin/sh
# Makes .venv and installs what FILE pins, every package by its hash. Does nothing when that has been done already.
# Usage: sh scripts/setup.sh FILE [FOLDER]: the environment is made in FOLDER instead of .venv
#
# A bare Debian has Python and pip, but neither `venv` (its ensurepip is a package of its own) nor leave to install
# into the system. Hence three ways: uv where it is on PATH, Python's own venv, and a uv of ours in .tools.
set -eu
cd "$(dirname "$0")/.."
file=$1
venv=${2:-.venv}
stamp=$venv/installed-$file
wanted=$(cat "$file" scripts/uv.txt | cksum)

if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

say() { echo "genkan: $*" >&2; }

# The uv and pip of whoever runs this keep their caches at home, if there is one to write to.
[ -w "${HOME:-/nonexistent}" ] || export UV_NO_CACHE=1 PIP_NO_CACHE_DIR=1
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
# uv believes its own list of authorities otherwise, where pip, and the company's proxy, go by the system's.
export UV_SYSTEM_CERTS=1 UV_LINK_MODE=copy

# Else the first to fail would blame something else.
writable() {
    if [ -d "$venv" ]; then place=$PWD/$venv; else place=$PWD; fi
    [ -w "$place" ] && return
    say "$place cannot be written to. Let this account write there, or run a copy of the project that is its own."
    return 1
}

find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    say "Python 3.11 or newer is needed. On Debian: apt install python3 python3-pip"
    return 1
}

own_uv() {
    [ -x .tools/bin/uv ] || "$python" -m pip install -qq --require-hashes --target .tools -r scripts/uv.txt
}

make_environment() {
    if command -v uv >/dev/null && uv venv --quiet --python "$python" "$venv" 2>/dev/null; then return; fi
    rm -rf "$venv"
    if "$python" -m venv "$venv" >/dev/null 2>&1; then return; fi
    rm -rf "$venv"
    if own_uv && .tools/bin/uv venv --quiet --python "$python" "$venv"; then return; fi
    rm -rf "$venv" .tools
    say "this Python can make no environment. On Debian: apt install python3-venv"
    return 1
}

install() {
    if command -v uv >/dev/null; then
        uv pip install --quiet --python "$venv/bin/python" --require-hashes -r "$file"
    elif "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        "$venv/bin/python" -m pip install -qq --require-hashes -r "$file"
    else
        own_uv && .tools/bin/uv pip install --quiet --python "$venv/bin/python" --require-hashes -r "$file"
    fi
}

writable
python=$(find_python)
say "installing what $file pins (this takes a moment, once)"
# An environment whose Python has moved or gone is made anew.
"$venv/bin/python" -c '' 2>/dev/null || { rm -rf "$venv" && make_environment; }
install
echo "$wanted" >"$stamp"
# What tests need on top includes all that running needs.
[ "$file" = requirements.txt ] || cat requirements.txt scripts/uv.txt | cksum >"$venv/installed-requirements.txt"
