#!/bin/sh
# Install the programs that the tests need besides Python (as root on Debian), or name the missing ones.
set -eu
cd "$(dirname "$0")/.."
packages=

# need PACKAGES PROGRAM...: the Debian packages are missing if none of the programs is installed.
need() {
    names=$1
    shift
    for program in "$@"; do
        if command -v "$program" >/dev/null; then return; fi
    done
    packages="$packages $names"
}

need chromium-headless-shell chromium-headless-shell
# Chromium renders text with this font. It has no program to look for.
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
    # shellcheck disable=SC2086 # split into words on purpose
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
