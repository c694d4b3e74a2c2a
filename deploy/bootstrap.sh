#!/bin/sh
# Makes a virtual environment with the hash-locked pip and build tools of requirements/build.txt in it,
# also on a machine whose Python came without venv's helper (Debian's python3-venv).
#
#   deploy/bootstrap.sh FOLDER [PYTHON]
#
# FOLDER is left alone when it already holds a working environment. PYTHON is a name or a path; without it the
# first suitable one on the PATH is taken.
set -eu

folder=${1:?"say where the environment goes: deploy/bootstrap.sh FOLDER [PYTHON]"}
wanted=${2:-}
here=$(cd "$(dirname "$0")/.." && pwd)
lock=$here/requirements/build.txt

# A person's own pip settings may ask for --user or a target folder; inside an environment both are errors.
unset PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV PYTHONHOME || :
export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off

say() { printf '%s\n' "$*" >&2; }
fail() { say "bootstrap: $*"; exit 1; }
suitable() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}
works() { [ -x "$1/bin/python" ] && suitable "$1/bin/python" && "$1/bin/python" -m pip --version >/dev/null 2>&1; }
install_build_tools() { "$@" install --quiet --quiet --require-hashes -r "$lock"; }

if works "$folder"; then
    install_build_tools "$folder/bin/python" -m pip
    exit 0
fi
if [ -e "$folder" ] && [ ! -e "$folder/pyvenv.cfg" ]; then
    [ -z "$(ls -A "$folder")" ] || fail "$folder exists and is not a virtual environment; move it away or name another"
fi

if [ -n "$wanted" ]; then
    suitable "$wanted" || fail "$wanted is not Python 3.11, 3.12 or 3.13; name another with PYTHON=..."
    python=$wanted
else
    python=
    for candidate in python3.11 python3 python3.12 python3.13; do
        if suitable "$candidate"; then python=$candidate; break; fi
    done
    [ -n "$python" ] || fail "Python 3.11, 3.12 or 3.13 is needed and none is on the PATH." \
        "On Debian 12: apt-get install python3. Elsewhere: make PYTHON=/path/to/python3.11 ..."
fi
say "bootstrap: making $folder with $("$python" --version 2>&1) ($(command -v "$python"))"

has_ensurepip() { "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; }

if ! has_ensurepip && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    package=$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')
    say "bootstrap: this Python has no ensurepip; installing Debian's $package"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package"; } \
        >/dev/null || say "bootstrap: $package could not be installed; trying another way"
fi

if has_ensurepip && "$python" -m venv --clear "$folder"; then
    install_build_tools "$folder/bin/python" -m pip
    exit 0
fi

"$python" -m venv --clear --without-pip "$folder" || fail "$python cannot make a virtual environment"

# The system's own pip (22.3 or later) can install into another environment.
if "$python" -m pip --version >/dev/null 2>&1 && install_build_tools "$python" -m pip --python "$folder/bin/python"; then
    exit 0
fi

# Debian keeps pip as one wheel in python3-pip-whl. Unpacking it needs no privileges, and a wheel of pip can be run.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
wheel_below() { find "$1" -path '*/python-wheels/pip-*.whl' 2>/dev/null | sort | tail -n 1; }
fetch_wheel() { # extra apt options
    (cd "$scratch" && apt-get "$@" -qq download python3-pip-whl >/dev/null 2>&1 && dpkg-deb -x python3-pip-whl_*.deb .)
}
wheel=$(wheel_below /usr/share/python-wheels)
if [ -z "$wheel" ] && command -v dpkg-deb >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; then
    if ! fetch_wheel; then
        # No package lists on this machine, or none that this user may refresh: keep some in the scratch folder.
        mkdir -p "$scratch/lists/partial" "$scratch/cache/archives/partial"
        set -- -o "Dir::State::Lists=$scratch/lists" -o "Dir::Cache=$scratch/cache"
        apt-get "$@" -qq update >/dev/null 2>&1 && fetch_wheel "$@" || :
    fi
    wheel=$(wheel_below "$scratch")
fi
if [ -n "$wheel" ] && install_build_tools "$folder/bin/python" "$wheel/pip"; then
    exit 0
fi
rm -rf "$folder"
fail "this Python has neither ensurepip nor pip, and Debian's pip could not be fetched." \
    "Ask the administrator for: apt-get install python3-venv. Then run the same command again."
