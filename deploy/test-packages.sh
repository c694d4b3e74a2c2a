#!/bin/sh
# Installs the Debian packages that the tests need (debian-test-packages.txt) when some are missing and this is
# root on a machine with apt-get; otherwise names them and lets the tests that can run, run.
set -eu
list=$(dirname "$0")/debian-test-packages.txt

installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q '^install ok installed$'; }

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "test-packages: not a Debian machine. Tests that need these programs are skipped where they are missing:" >&2
    grep -v '^#' "$list" | tr '\n' ' ' >&2
    echo >&2
    exit 0
fi
missing=
for package in $(grep -v '^#' "$list"); do
    installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "test-packages: missing:$missing" >&2
    echo "test-packages: not root, so they are not installed; tests that need them are skipped" >&2
    exit 0
fi
echo "test-packages: installing$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086  # a list of names
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } \
    >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    exit 1
fi
