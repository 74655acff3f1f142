# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154  # cache, key, torch, suite, here: docker/run; entry: enter_root.sh
#
# Part of docker/run: the environment as a Debian root, made by mmdebstrap.

space_needed=5500 # MiB while building; 3600 are kept
space_cuda=8000   # and this much more with the CUDA build of torch
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

need_root() {
    [[ -d $cache/$key/root ]] || build_root
    command -v bwrap >/dev/null || install_tools
}

# Built beside and renamed when whole. The lock is inherited by all that takes part, so it is free
# only when nothing of an interrupted build runs any more.
build_root() {
    mkdir -p "$cache" 2>/dev/null && exec 8>>"$cache/lock" ||
        die "cannot write in $cache: set XDG_CACHE_HOME to a folder with 7 GB of space"
    command -v flock >/dev/null || die "no flock here (package util-linux)"
    if ! flock --nonblock 8; then
        say "another build is under way: waiting for it"
        flock 8
    fi
    if [[ ! -d $cache/$key/root ]]; then
        rm -rf --one-file-system "$cache"/.part-*
        make_root
    fi
    exec 8>&-
}

make_root() {
    local log=$cache/$key.log start=$SECONDS free sources tried rc reader
    install_tools
    bwrap --bind / / --dev /dev true 2>"$log" || die "bwrap cannot work here: $(tail -n 1 "$log")"
    [[ $torch == debian ]] || ((space_needed += space_cuda))
    free=$(df --output=avail -k "$cache" | tail -n 1)
    ((free / 1024 >= space_needed)) || die "no space: $cache has $((free / 1024)) MB free," \
        "building needs $space_needed MB (set XDG_CACHE_HOME to use another disk)"
    say "building the environment, once: a few minutes, 4 GB in $cache; log: $log"
    if [[ $torch == debian && -e /dev/nvidia0 ]]; then
        say "(torch for CPUs; MLMS_FENICS_TORCH=cuda docker/run ... has one for the GPU that is here)"
    fi
    part=$(mktemp -d "$cache/.part-XXXXXX") || die "cannot write in $cache"
    mkdir "$part/root" "$part/caches"
    chmod 755 "$part"
    builder=
    trap discard EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM

    find_sources "$part" || die "no Debian mirror answers, so no network?" \
        "(tried: $tried; MLMS_FENICS_MIRROR=URL names another)"
    exec 7> >(follow_build "$log" "$start")
    reader=$!
    run_builder make_packages "$part/root"
    if ((rc == 0)); then
        echo "stage: torch, ruff and settings" >&7
        run_builder make_settings "$part/root"
    fi
    if ((rc == 0)); then
        echo "stage: trying it out" >&7
        run_builder try_root "$part/root"
    fi
    exec 7>&-
    wait "$reader"
    ((rc == 0)) || die "the build has failed: $(blame "$log") (log: $log)"
    mv "$part" "$cache/$key" || die "cannot rename $part to $cache/$key"
    trap - EXIT HUP INT TERM
    say "the environment is there, after $((SECONDS - start)) s"
}

# In the background and waited for, so that a signal is answered at once.
run_builder() {
    "$@" >&7 2>&1 </dev/null &
    builder=$!
    wait "$builder"
    rc=$?
    builder=
}

# Whatever ends the build early, the half-made root goes. What the builder had started may live a
# moment longer than it, so once more.
discard() {
    if [[ -n $builder ]]; then
        kill -KILL "$builder" 2>/dev/null
        wait "$builder" 2>/dev/null
    fi
    rm -rf --one-file-system "$part" 2>/dev/null || {
        sleep 1
        rm -rf --one-file-system "$part"
    }
}

# The first reason given, else the last line.
blame() { grep -m 1 -E '^(E:|ERROR|install\.sh:|.*No space left)' "$1" || tail -n 1 "$1"; }

# One line a stage, and some while packages are put in; all goes to the log.
follow_build() {
    local log=$1 start=$2 line unpacked=0 configured=0 total=0
    trap '' HUP INT TERM
    exec 7>&- 8>&-
    while IFS= read -r line; do
        printf '%s\n' "$line" >&9
        case $line in
        'I: running apt-get update'*) stage "package lists" ;;
        'I: downloading packages with apt'*) stage "the base system" ;;
        'I: installing remaining packages'*) stage "FEniCSx, torch and all the rest" ;;
        'Need to get '*) stage "  ${line,}" ;;
        *' newly installed'*) [[ $line =~ ([0-9]+)\ newly ]] && total=${BASH_REMATCH[1]} ;;
        'Unpacking '*) ((++unpacked % 150)) || stage "  unpacked $unpacked of $total packages" ;;
        'Setting up '*) ((++configured % 150)) || stage "  set up $configured of $total packages" ;;
        'stage: '*)
            stage "${line#stage: }"
            ;;
        esac
    done 9>"$log"
}

stage() { say "$(printf '%4d s  %s' $((SECONDS - start)) "$*")"; }

# mmdebstrap and bwrap, from this machine's own packages where they are not there.
install_tools() {
    local missing=() become=()
    command -v bwrap >/dev/null || missing+=(bubblewrap)
    if [[ ! -d $cache/$key/root ]]; then
        command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
        [[ -e $keyring ]] || missing+=(debian-archive-keyring)
        ((EUID == 0)) || command -v newuidmap >/dev/null || missing+=(uidmap)
    fi
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null || die "this machine has no apt: docker or podman is needed" \
        "(or FEniCSx from conda-forge, environment.yml)"
    if ((EUID != 0)); then
        sudo -n true 2>/dev/null || die "not root, and these packages are not there: install them" \
            "with 'sudo apt-get install ${missing[*]}', then run this again"
        become=(sudo -n)
    fi
    mkdir -p "$cache" || die "cannot write in $cache"
    say "installing ${missing[*]} with apt"
    {
        "${become[@]}" apt-get update && "${become[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install --yes --no-install-recommends "${missing[@]}"
    } >"$cache/apt.log" 2>&1 </dev/null ||
        die "apt cannot install ${missing[*]}: $(blame "$cache/apt.log") (log: $cache/apt.log)"
}

# Sets sources, the lines for apt, from the first mirror that has the suite: the one asked for,
# this machine's own, Debian's public one.
find_sources() {
    local part=$1 mirror security default=http://deb.debian.org/debian
    tried=
    while IFS= read -r mirror; do
        mirror=${mirror%/}
        tried+="${tried:+, }$mirror"
        has_suite "$part" "$mirror" "$suite" || continue
        sources=("deb $mirror $suite main")
        ! has_suite "$part" "$mirror" "$suite-updates" || sources+=("deb $mirror $suite-updates main")
        for security in "${mirror%/debian}/debian-security" http://security.debian.org/debian-security; do
            if has_suite "$part" "$security" "$suite-security"; then
                sources+=("deb $security $suite-security main")
                break
            fi
        done
        return
    done < <(
        if [[ -n ${MLMS_FENICS_MIRROR-} ]]; then
            echo "$MLMS_FENICS_MIRROR"
        else
            {
                host_mirrors
                echo "$default"
            } | awk '!seen[$0]++'
        fi
    )
    return 1
}

host_mirrors() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources \
        2>/dev/null | grep -E '^(deb|URIs:)[[:space:]]' |
        grep -oE 'https?://[^][:space:]]+/debian/?([[:space:]]|$)' | sed 's#/*[[:space:]]*$##'
}

# With apt's own means, so with apt's proxies and certificates.
has_suite() {
    /usr/lib/apt/apt-helper -o APT::Sandbox::User=root -o Acquire::Retries=1 \
        -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 \
        download-file "$2/dists/$3/InRelease" "$1/InRelease" >/dev/null 2>&1 </dev/null
}

# The packages of install.sh. Run in the background, so the shell is its own: exec.
make_packages() {
    local root=$1 include options=() mode line
    include=$(TORCH=$torch "$here/install.sh" list | paste -sd,) || exit
    options=(--variant=apt --include="$include" --keyring="$keyring" --verbose
        --aptopt='Acquire::Retries "3"' --aptopt='APT::Install-Recommends "false"'
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*'
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright')
    # How this machine reaches a mirror: proxies, and clocks that are not to be trusted.
    while IFS= read -r line; do
        options+=(--aptopt="$line")
    done < <(apt-config dump 2>/dev/null | sed 's/;$//' |
        grep -E '^Acquire::((https?|ftp)::[^ ]*Proxy[^ ]*|Check-Valid-Until|Check-Date) "[^"]')
    if ((EUID == 0)); then
        # All of it in a process namespace that ends with this script, kill -9 included.
        exec setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc \
            mmdebstrap --mode=root "${options[@]}" "$suite" "$root" "${sources[@]}"
    fi
    # As a plain user the root is unpacked once more, so that all files are the user's own.
    setpriv --pdeathsig KILL mmdebstrap --mode=unshare --format=tar "${options[@]}" \
        "$suite" - "${sources[@]}" | tar -C "$root" -x --no-same-owner --exclude='./dev/*'
    exit $((PIPESTATUS[0] | PIPESTATUS[1]))
}

make_settings() {
    set_up_entry "$1"
    # As a plain user: root within, as update-alternatives and pip want it.
    ((EUID == 0)) || entry+=(--unshare-user --uid 0 --gid 0)
    exec bwrap "${entry[@]}" --ro-bind "$here" /mnt --setenv TORCH "$torch" --setenv HOME /tmp \
        --setenv PATH /usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin --unsetenv LD_LIBRARY_PATH \
        --unsetenv PYTHONPATH --unsetenv PYTHONHOME --chdir / sh /mnt/install.sh setup
}

try_root() {
    set_up_entry "$1"
    exec bwrap "${entry[@]}" --clearenv --setenv HOME /tmp --setenv PATH /usr/bin:/bin --chdir / \
        python3 -c 'import dolfinx.fem, gmsh, h5py, meshio, numba, pyvista, scipy, torch, tqdm, pytest'
}

clean_roots() {
    local path
    mkdir -p "$cache" && exec 8>>"$cache/lock" && flock 8 || die "cannot write in $cache"
    for path in "$cache"/*-* "$cache"/.part-*; do
        case $path in
        "$cache/$key" | "$cache/$key.log" | *'*') ;;
        *) rm -rf --one-file-system "$path" && say "removed $path" ;;
        esac
    done
}
