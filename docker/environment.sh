# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154  # here, checkout: docker/run
#
# Part of docker/run: where things are kept, and the variables that a command sees.

# Sets cache, torch, suite and key: what names an environment is all that decides what it holds.
find_places() {
    local base=${XDG_CACHE_HOME:-${HOME:-}/.cache}
    [[ $base == /?* && $base != /.cache ]] || die "set HOME or XDG_CACHE_HOME to a folder's full path"
    torch=${MLMS_FENICS_TORCH:-debian}
    case $torch in
    debian | cuda) ;;
    *) die "MLMS_FENICS_TORCH must be debian or cuda, not '$torch'" ;;
    esac
    suite=${MLMS_FENICS_SUITE:-trixie}
    case $suite in
    trixie | sid) ;;
    *) die "MLMS_FENICS_SUITE must be trixie or sid, not '$suite'" ;;
    esac
    cache=$base/mlms_fenics
    key=$(cat "$here/install.sh" "$here/mpirun" | sha256sum) || die "no sha256sum here"
    key=${key:0:12}-$(uname -m)
    [[ $torch == debian ]] || key+=-$torch
    [[ $suite == trixie ]] || key+=-$suite
}

# The cores that this process may use: affinity and the control group's quota.
count_cores() {
    local cores quota period
    cores=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc 2>/dev/null || echo 1)
    if read -r quota period 2>/dev/null </sys/fs/cgroup/cpu.max && [[ $quota != max ]]; then
        quota=$(((quota + period - 1) / period))
        ((quota >= cores)) || cores=$quota
    fi
    echo $((cores > 0 ? cores : 1))
}

# Exports what the command shall see, and takes away what belongs to this machine's own programs.
set_environment() {
    local name caches=$cache/$key/caches
    for name in $(compgen -e); do
        case $name in
        LD_* | LC_* | LANGUAGE | PYTHONHOME | PYTHONPATH | PYTHONSTARTUP | PYTHONUSERBASE | \
            VIRTUAL_ENV* | CONDA_* | PYENV_* | PERL* | R_* | CC | CXX | CPP | LD | AR | *FLAGS | \
            CPATH | LIBRARY_PATH | *_INCLUDE_PATH | PKG_CONFIG* | XDG_RUNTIME_DIR | XDG_DATA_* | \
            BASH_ENV | ENV | PETSC_DIR | SLEPC_DIR | PETSC_ARCH | MLMS_FENICS_THREADS)
            unset "$name"
            ;;
        esac
    done
    export LANG=C.UTF-8
    # Not yet this script's own.
    inner_path=$caches/python/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin
    export PYTHONPATH=$checkout
    # pip puts packages beside this environment, which itself is read-only.
    export PYTHONUSERBASE=$caches/python PIP_BREAK_SYSTEM_PACKAGES=1
    export XDG_CACHE_HOME=$caches NUMBA_CACHE_DIR=$caches/numba MPLCONFIGDIR=$caches/matplotlib
    [[ -n ${DISPLAY-} ]] || export MPLBACKEND=${MPLBACKEND:-Agg}

    MLMS_FENICS_CORES=$(count_cores)
    export MLMS_FENICS_CORES MLMS_FENICS_ENVIRONMENT=$key
    # For a single process; mpirun divides it among its ranks.
    export MLMS_FENICS_THREADS=$MLMS_FENICS_CORES
    export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$MLMS_FENICS_THREADS}
    export NUMBA_NUM_THREADS=${NUMBA_NUM_THREADS:-$MLMS_FENICS_THREADS}
}

# This machine's certificate authorities, as one file.
find_certificates() {
    local file
    for file in "${SSL_CERT_FILE-}" /etc/ssl/certs/ca-certificates.crt \
        /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
        if [[ -n $file && -f $file ]]; then
            printf '%s\n' "$file"
            return
        fi
    done
}

# Files and folders named by pip's settings and by variables for certificates, one a line.
find_named_paths() {
    local name file
    {
        for name in SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE GIT_SSL_CAINFO \
            PIP_CERT PIP_CLIENT_CERT PIP_CONFIG_FILE PIP_FIND_LINKS PIP_INDEX_URL \
            PIP_EXTRA_INDEX_URL PIP_CONSTRAINT NETRC; do
            printf '%s\n' "${!name-}"
        done
        for file in /etc/pip.conf /etc/xdg/pip/pip.conf "${PIP_CONFIG_FILE-}" \
            "${XDG_CONFIG_HOME:-${HOME-}/.config}/pip/pip.conf" "${HOME-}/.pip/pip.conf"; do
            if [[ -f $file && -r $file ]]; then
                printf '%s\n' "$file"
                grep -v '^[[:space:]]*[#;]' -- "$file"
            fi
        done
    } 2>/dev/null | tr '=, \t' '\n\n\n\n' | sed -n 's#^file://##; s#/*$##; \#^/.#p' | sort -u |
        while IFS= read -r file; do
            if [[ -e $file ]]; then printf '%s\n' "$file"; fi
        done
}
