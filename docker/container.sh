# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154  # cache, key, torch, checkout, folder: docker/run
#
# Part of docker/run: the environment as an image of docker or podman.

engine_answers() {
    command -v "$1" >/dev/null || return 1
    case $1 in
    # A client without an engine behind it is common; an unreachable remote one may never answer.
    docker) timeout 5 docker version --format '{{.Server.Version}}' ;;
    podman) timeout 10 podman info ;;
    esac </dev/null >/dev/null 2>&1
}

image() { echo "mlms_fenics:$key"; }

need_image() {
    local engine=$1 log=$cache/$key.log start=$SECONDS certificates options=() name
    "$engine" image inspect "$(image)" >/dev/null 2>&1 </dev/null && return
    mkdir -p "$cache" 2>/dev/null || die "cannot write in $cache: set XDG_CACHE_HOME"
    certificates=$(find_certificates)
    [[ -z $certificates ]] || options+=(--secret "id=certificates,src=$certificates")
    for name in "${PIP_CONFIG_FILE-}" "${XDG_CONFIG_HOME:-${HOME-}/.config}/pip/pip.conf" /etc/pip.conf; do
        if [[ -f $name ]]; then
            options+=(--secret "id=pip,src=$name")
            break
        fi
    done
    for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
        [[ -z ${!name-} ]] || options+=(--build-arg "$name=${!name}")
    done
    say "building the image $(image) with $engine: once, a few minutes; log: $log"
    DOCKER_BUILDKIT=1 "$engine" build --target environment --build-arg "TORCH=$torch" \
        --build-arg "SUITE=$suite" \
        "${options[@]}" --tag "$(image)" --file "$here/Dockerfile" "$checkout" \
        >"$log" 2>&1 </dev/null || die "$engine could not build the image: $(tail -n 1 "$log") (log: $log)"
    say "the image is there, after $((SECONDS - start)) s"
}

enter_container() {
    local engine=$1 name path options
    shift
    set_environment
    mkdir -p "$cache/$key/caches/home" 2>/dev/null || die "cannot write in $cache: set XDG_CACHE_HOME"
    export HOME=$cache/$key/caches/home
    # Open MPI's ranks meet in /dev/shm, of which there are 64 MB by default.
    options=(run --rm --init --interactive --shm-size 1g --security-opt label=disable
        --user "$(id -u):$(id -g)" --workdir "$folder")
    [[ $engine != podman ]] || ((EUID == 0)) || options+=(--userns keep-id)
    [[ ! -t 0 || ! -t 1 ]] || options+=(--tty)
    if compgen -G '/dev/nvidia[0-9]*' >/dev/null; then
        [[ $engine == podman ]] && options+=(--device nvidia.com/gpu=all) || options+=(--gpus all)
    fi
    for path in "$checkout" "$folder" "$cache" /tmp; do
        case $path in
        / | /bin | /etc | /lib* | /proc* | /sbin | /sys* | /usr | /usr/bin | /usr/lib | /var) ;;
        *) options+=(--volume "$path:$path") ;;
        esac
    done
    path=$(find_certificates)
    [[ -z $path ]] || options+=(--volume "$path:/etc/ssl/certs/ca-certificates.crt:ro")
    while IFS= read -r path; do
        case $path in
        /tmp | /tmp/* | /etc/ssl/certs | /etc/ssl/certs/*) ;;
        *) options+=(--volume "$path:$path:ro") ;;
        esac
    done < <(find_named_paths)
    for name in $(compgen -e); do
        case $name in
        _ | PATH | PWD | OLDPWD | SHLVL | SHELL | HOSTNAME) ;;
        *) options+=(--env "$name") ;;
        esac
    done
    exec "$engine" "${options[@]}" --env "PATH=$inner_path" "$(image)" "$@"
}
