#!/bin/sh
# Create .venv and install the packages pinned in FILE, checked by hash. Do nothing if they are installed already.
# Usage: sh scripts/setup.sh FILE [FOLDER]: the environment is created in FOLDER instead of .venv
#
# Debian without python3-venv cannot create an environment, and pip may not install into the system. So three ways are
# tried: uv on PATH, Python's venv, and a uv in .tools.
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

# uv and pip keep their caches in the home directory, if it can be written to.
[ -w "${HOME:-/nonexistent}" ] || export UV_NO_CACHE=1 PIP_NO_CACHE_DIR=1
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
# uv uses its own list of certificate authorities by default. A company's proxy may need the system's.
export UV_SYSTEM_CERTS=1 UV_LINK_MODE=copy

# Checked first, because later commands would report another cause.
writable() {
    if [ -d "$venv" ]; then place=$PWD/$venv; else place=$PWD; fi
    [ -w "$place" ] && return
    say "$place cannot be written to. Give this account write permission, or use a copy of the project that it owns."
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
    say "this Python cannot create a virtual environment. On Debian: apt install python3-venv"
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
say "installing the packages of $file (once, this takes a moment)"
# Create the environment again if its Python no longer runs.
"$venv/bin/python" -c '' 2>/dev/null || { rm -rf "$venv" && make_environment; }
install
echo "$wanted" >"$stamp"
# requirements-dev.txt includes requirements.txt.
[ "$file" = requirements.txt ] || cat requirements.txt scripts/uv.txt | cksum >"$venv/installed-requirements.txt"
