# Sourced by check and test after venv.sh: runs named steps, each to its end, and sums up.
# shellcheck shell=bash

summary=''
failed=0

step() { # step NAME COMMAND...
    local name=$1 began=$SECONDS result=ok
    shift
    say "── $name"
    "$@" || { result=FAILED && failed=1; }
    summary+=$(printf '%-8s %-18s %4d s' "$result" "$name" $((SECONDS - began)))$'\n'
}

finish() {
    say "──"
    printf '%s' "$summary" >&2
    exit "$failed"
}

code_steps() {
    local run=$venv/bin
    step "ruff check" "$run/ruff" check .
    step "ruff format" "$run/ruff" format --check --quiet .
    step "mypy" "$run/mypy" service.py api models cache whatif bench training examples tests
    step "import contract" "$run/lint-imports" --no-logo
}
