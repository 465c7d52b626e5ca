#!/bin/sh
# What the tests need besides Python: installed where that is possible (root, Debian), named where it is not.
set -eu
cd "$(dirname "$0")/.."
packages=

# need PACKAGES PROGRAM...: one of the programs has to be there, or the Debian packages to be installed.
need() {
    names=$1
    shift
    for program in "$@"; do
        if command -v "$program" >/dev/null; then return; fi
    done
    packages="$packages $names"
}

need chromium chromium
# Chromium measures text with it, and a program is not what tells whether it is there.
[ -n "$(find /usr/share/fonts /usr/local/share/fonts -iname 'liberation*' 2>/dev/null | head -n 1)" ] ||
    packages="$packages fonts-liberation"
need redis-server redis-server
need postgresql initdb /usr/lib/postgresql/*/bin/initdb
need nginx-light nginx /usr/sbin/nginx
need varnish varnishd /usr/sbin/varnishd
need nodejs node
need npm npm
[ -n "$packages" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "genkan: installing$packages" >&2
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    # shellcheck disable=SC2086 # words on purpose
    if { apt-get update && apt-get install --yes --no-install-recommends $packages; } >"$log" 2>&1; then
        rm -f "$log"
        exit 0
    fi
    tail -n 5 "$log" >&2
    rm -f "$log"
fi
for package in $packages; do
    echo "genkan: $package is missing, and with it the tests that need it. On Debian: apt install $package" >&2
done
