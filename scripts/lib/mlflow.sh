#!/usr/bin/env bash
# Prints the Python of an environment with MLflow: build/mlflow-venv with its client, or, with
# "server", build/mlflow-server-venv with all of it. Each is made first where it is not there.
# They are not .venv: MLflow asks for an older cachetools than the service has.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"

lock=mlflow${1:+-$1}
venv=$root/build/$lock-venv
mkdir -p "$root/build"
ensure_lock "$lock"
printf '%s\n' "$venv/bin/python"
