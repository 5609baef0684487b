# Sourced after venv.sh: a Docker engine to build and run images on, and its end.
# shellcheck shell=bash
# Wants $work, a folder. Gives find_engine, own_engine, stop_engine, no_engine, run, stop_running.

engine_pid=''
running=''

no_engine() { # what cannot be had here is no failure
    say "skipped: $*"
    exit 77
}

# Runs a command so that a signal to this script is heard at once, not when the command has ended.
run() {
    "$@" &
    running=$!
    local status=0
    wait "$running" || status=$?
    running=''
    return "$status"
}

stop_running() {
    [[ -n $running ]] || return 0
    kill "$running" 2>/dev/null || true
    wait "$running" 2>/dev/null || true
}

# The engine that answers, else one of our own.
find_engine() {
    if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
        return
    fi
    own_engine
}

# An engine of our own below $work, which only this script talks to; without a network of its own.
own_engine() {
    [[ $EUID -eq 0 ]] || no_engine "no Docker engine answers, and only root can start one"
    command -v dockerd >/dev/null && command -v docker >/dev/null ||
        no_engine "no Docker engine answers, and there is none to start (Debian: apt-get install docker.io)"
    PATH=/usr/bin:$PATH # Debian's client needs no buildx; another one before it on PATH may
    say "Starting a Docker engine …"
    setsid dockerd --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/pid" -H "unix://$work/socket" \
        --bridge=none --iptables=false --ip6tables=false --ip-forward=false >"$work/engine.log" 2>&1 </dev/null &
    engine_pid=$!
    export DOCKER_HOST=unix://$work/socket
    local deadline=$((SECONDS + 60))
    until docker info >/dev/null 2>&1; do
        if ! kill -0 "$engine_pid" 2>/dev/null || ((SECONDS > deadline)); then
            tail -n 5 "$work/engine.log" >&2
            no_engine "a Docker engine does not start here; its last lines are above"
        fi
        sleep 0.2
    done
}

# Ends our own engine with all that runs on it, and leaves no mount below $work.
stop_engine() {
    [[ -n $engine_pid ]] || return 0
    local containers mounted
    mapfile -t containers < <(docker ps --all --quiet 2>/dev/null)
    ((${#containers[@]} == 0)) || docker rm --force --volumes "${containers[@]}" >/dev/null 2>&1 || true
    kill "$engine_pid" 2>/dev/null || true
    local deadline=$((SECONDS + 30))
    while kill -0 "$engine_pid" 2>/dev/null; do
        ((SECONDS < deadline)) || kill -KILL "$engine_pid" 2>/dev/null || true
        sleep 0.1
    done
    mapfile -t mounted < <(awk -v below="$work/" 'index($2, below) == 1 { print $2 }' /proc/self/mounts | sort -r)
    ((${#mounted[@]} == 0)) || umount "${mounted[@]}" || true
    engine_pid=''
}
