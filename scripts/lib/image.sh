# Sourced after engine.sh: makes the Bento, its image, and a base image where none can be pulled.
# shellcheck shell=bash
# Gives $base, make_base, build_image TAG, remove_all_of TAG.

base=python:3.11-slim

# Like the real one: Debian without documentation, Python and pip, nothing to compile with.
make_base() {
    local slim=(--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*'
        --dpkgopt='path-exclude=/usr/share/locale/*')
    command -v mmdebstrap >/dev/null || no_engine "mmdebstrap is not there (Debian: apt-get install mmdebstrap)"
    say "Making a stand-in for $base …"
    TMPDIR=$work run mmdebstrap --quiet --format=tar --variant=minbase --include=ca-certificates,python3,python3-pip \
        "${slim[@]}" --customize-hook='ln -sf python3 "$1/usr/bin/python"' bookworm "$work/base.tar" >&2
    run docker import "$work/base.tar" "$base" >/dev/null
    rm "$work/base.tar"
}

build_image() {
    local secrets=()
    export BENTOML_HOME=$work/home BENTOML_DO_NOT_TRACK=True
    say "Building the Bento …"
    mkdir "$BENTOML_HOME"
    (cd "$root" && "$venv/bin/bentoml" build --output tag) >"$work/build.log" 2>&1 || {
        cat "$work/build.log" >&2
        fail "bentoml build failed"
    }
    write_pip_conf
    say "Building the image …"
    # From /, for BentoML reads a Dockerfile's template only below the folder that it is started in.
    run env --chdir=/ "$venv/bin/bentoml" containerize model_cache:latest --image-tag "$1" --opt network=host \
        --opt progress=plain "${secrets[@]}" >"$work/build.log" 2>&1 || true
    docker image inspect "$1" >/dev/null 2>&1 || { # BentoML logs an error, and ends well
        tail -n 60 "$work/build.log" >&2
        fail "bentoml containerize failed"
    }
}

# What pip is told on this machine, for the build and as its secrets: they are in no layer of the image.
write_pip_conf() {
    local key value certificates
    : >"$work/pip.conf"
    for key in index-url extra-index-url trusted-host proxy timeout; do
        value=$(pip_says "$key")
        [[ $key != proxy || -n $value ]] || value=${HTTPS_PROXY:-${https_proxy-}}
        # A folder of this machine is not there in the build.
        value=$(tr ' ' '\n' <<<"$value" | grep -v '^file:\|^/' | paste -sd ' ' || true)
        [[ -z $value ]] || printf '%s = %s\n' "$key" "$value" >>"$work/pip.conf"
    done
    certificates=$(pip_says cert)
    if [[ -n $certificates ]]; then
        printf 'cert = /run/secrets/ca.pem\n' >>"$work/pip.conf"
        secrets+=(--opt "secret=id=ca.pem,src=$certificates")
    fi
    sed -i '1i [global]' "$work/pip.conf" 2>/dev/null || true
    [[ ! -s $work/pip.conf ]] || secrets+=(--opt "secret=id=pip.conf,src=$work/pip.conf")
}

pip_says() { # the variable before the files, as pip has it
    local variable=PIP_${1//-/_}
    variable=${variable^^}
    printf '%s' "${!variable:-$("$venv/bin/python" -m pip config get "global.$1" 2>/dev/null || true)}"
}

# From an engine that is not ours: the image, what was made from it, and what an interrupted test left.
remove_all_of() {
    docker ps --all --quiet --filter "ancestor=$1" 2>/dev/null | xargs -r docker rm --force --volumes >/dev/null 2>&1 || true
    docker volume ls --quiet --filter "label=smoke=$1" 2>/dev/null | xargs -r docker volume rm >/dev/null 2>&1 || true
    docker image rm --force "$1-baked" "$1" >/dev/null 2>&1 || true
}
