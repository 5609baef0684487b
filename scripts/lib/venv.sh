# Sourced by the scripts: finds Python, keeps .venv at the project's root, installs what the locks say.
# shellcheck shell=bash
# Gives $root, $venv, say, fail, find_python, ensure_venv, ensure_lock NAME (of requirements), ensure_torch,
# pip_install ARGUMENTS.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
venv=$root/.venv

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "error: $*"
    exit 1
}

# Prints a Python of version 3.11 or later: $PYTHON if that is set, else the first one on PATH.
find_python() {
    local candidate found='' candidates=(python3 python3.13 python3.12 python3.11 python3.14 python)
    [[ -z ${PYTHON-} ]] || candidates=("$PYTHON")
    for candidate in "${candidates[@]}"; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
        found+=" $candidate is $("$candidate" --version 2>&1 | tail -n 1);"
    done
    [[ -z $found ]] || fail "Python 3.11 or later is needed:$found set PYTHON=/path/to/a/newer/python3"
    fail "Python 3.11 or later is needed and ${PYTHON:-python3} was not found (Debian: apt-get install python3-venv)"
}

_venv_works() { # in place, whole, and not copied here from elsewhere
    [[ -x $venv/bin/python && ! -e $venv/installing ]] &&
        grep -qF "$venv" "$venv/bin/activate" 2>/dev/null &&
        "$venv/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

_make_venv() {
    local python
    python=$(find_python) || exit 1
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python cannot make virtual environments (Debian: apt-get install $("$python" -c \
            'import sys; print("python%d.%d-venv" % sys.version_info[:2])'))"
    [[ ! -e $venv ]] || say "Making .venv anew: an earlier installation was interrupted, or it was moved."
    rm -rf "$venv" || fail "cannot remove $venv"
    "$python" -m venv "$venv" >&2 || fail "cannot make $venv"
}

# pip, with a marker that tells the next run of an interruption; says why when it fails.
_pip_install() {
    local quiet=() began=$SECONDS log=$venv/pip.log
    [[ -t 2 ]] || quiet=(--quiet --progress-bar off)
    : >"$log"
    touch "$venv/installing"
    if ! PIP_USER=0 PIP_RETRIES=${PIP_RETRIES:-2} "$venv/bin/python" -m pip install "${quiet[@]}" \
        --disable-pip-version-check --only-binary :all: --log "$log" "$@" >&2; then
        # Before that step nothing in .venv was touched.
        grep -q 'Installing collected packages' "$log" || rm "$venv/installing"
        if grep -qiE 'new connection|name resolution|unreachable|refused|timed out|proxy' "$log"; then
            fail "the package index cannot be reached. Connect this machine to the internet for the first run," \
                "or name a mirror (PIP_INDEX_URL) or a folder of wheels (PIP_NO_INDEX=1 PIP_FIND_LINKS=…)."
        fi
        grep -qi 'no space left' "$log" && fail "no space left on the disk of $venv or of TMPDIR"
        fail "pip could not install; see above and $log"
    fi
    rm "$venv/installing"
    say "Installed in $((SECONDS - began)) s."
}

# Runs a function while no other run of these scripts changes .venv.
_alone() {
    (
        if command -v flock >/dev/null && ! flock -n 9; then
            say "Waiting for another run that is installing into .venv …"
            flock 9
        fi
        "$@"
    ) 9<"$root" || exit 1
}

_ensure_venv() { _venv_works || _make_venv; }

_ensure_lock() {
    local lock=$root/requirements/$1.txt
    _ensure_venv
    ! cmp -s "$lock" "$venv/$1.lock" || return 0
    say "Installing $(grep -c '^[a-z].*==' "$lock") packages into ${venv#"$root"/}, about a minute the first time …"
    _pip_install --require-hashes --requirement "$lock"
    cp "$lock" "$venv/$1.lock"
}

_ensure_torch() {
    _ensure_lock torch
    local torch
    torch=$(sed -n 's/^ *"\(torch==[^"]*\)",$/\1/p' "$root/pyproject.toml")
    # A local build number such as +cpu is the same release.
    ! "$venv/bin/python" -c "from importlib.metadata import version
import sys; sys.exit('torch==' + version('torch').split('+')[0] != '$torch')" 2>/dev/null || return 0
    say "Installing $torch: some minutes, 0.2 GB to download for a CPU build and 3 GB for CUDA." \
        "PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu chooses the CPU build."
    _pip_install "$torch"
}

ensure_venv() { _alone _ensure_venv; }
ensure_lock() { _alone _ensure_lock "$1"; }
ensure_torch() { _alone _ensure_torch; }
pip_install() { _alone _pip_install "$@"; }
