#!/usr/bin/env bash
# Prints the Python of the environment that what scripts/bench compares with runs in: one of its
# own under build/, made first where it is not there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"

venv=$root/build/bench-venv
mkdir -p "$root/build"
[[ -x $venv/bin/python ]] ||
    say "The baselines get an environment of their own, build/bench-venv in place of .venv:"
ensure_lock bench
ensure_torch
printf '%s\n' "$venv/bin/python"
