# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154  # cache, key, checkout, folder, inner_path: docker/run
#
# Part of docker/run: a command in the Debian root, by bwrap.

# Sets entry: bwrap's options for a root with this machine's network and pip settings in it.
set_up_entry() {
    local root=$1 path
    entry=(--unshare-pid --die-with-parent --bind "$root" / --dev /dev --proc /proc
        --ro-bind /sys /sys --tmpfs /run --bind-try /tmp /tmp --bind-try /var/tmp /var/tmp)
    for path in resolv.conf hosts hostname pip.conf; do
        entry+=(--ro-bind-try "/etc/$path" "/etc/$path")
    done
    path=$(find_certificates)
    [[ -z $path ]] || entry+=(--ro-bind "$path" /etc/ssl/certs/ca-certificates.crt)
    while IFS= read -r path; do
        case $path in
        /etc/ssl/certs/ca-certificates.crt | /etc/pip.conf) ;;
        *) is_system_folder "$root" "$path" || entry+=(--ro-bind "$path" "$path") ;;
        esac
    done < <(find_named_paths)
}

# Runs a command in the root, which is read-only but for this machine's own folders: all that is
# not the system's is there under its own name.
enter_root() {
    local path name root=$cache/$key/root caches=$cache/$key/caches
    set_environment
    mkdir -p "$caches/numba" "$caches/matplotlib" 2>/dev/null || die "cannot write in $caches"
    set_up_entry "$root"
    for path in /*/; do
        path=${path%/}
        case $path in
        /bin | /boot | /dev | /etc | /lib* | /lost+found | /proc | /run | /sbin | /snap | /sys | \
            /tmp | /usr | /var | '/*') ;;
        *) entry+=(--bind "$path" "$path") ;;
        esac
    done
    for path in /etc/passwd /etc/group; do
        entry+=(--ro-bind "$path" "$path")
    done
    for path in "$checkout" "$cache" "${TMPDIR-}" "${HOME-}" "$folder"; do
        if [[ -d $path ]] && ! is_system_folder "$root" "$path"; then
            entry+=(--bind "$path" "$path")
        fi
    done
    share_gpu
    entry+=(--remount-ro /)
    find_signals
    supervise bwrap "${entry[@]}" --setenv PATH "$inner_path" --chdir "$folder" -- \
        env "${signals[@]/#/--default-signal=}" "$@"
}

# One that the root has itself (/usr/lib, say), or one whose name it has as such.
is_system_folder() {
    case $2 in
    / | /dev | /dev/* | /proc | /proc/* | /sys | /sys/* | /run) return 0 ;;
    esac
    [[ -d $1$2 && -n $(ls -A -- "$1$2" 2>/dev/null) ]]
}

# Devices and the driver's own libraries, which must be those of this machine's kernel.
share_gpu() {
    local path driver=/usr/local/nvidia found=
    for path in /dev/nvidia* /dev/dri /dev/kfd; do
        if [[ -e $path ]]; then
            entry+=(--dev-bind "$path" "$path")
            found+=$path
        fi
    done
    [[ $found == *nvidia* ]] || return 0
    while IFS= read -r path; do
        entry+=(--ro-bind "$path" "$driver/${path##*/}")
    done < <(ldconfig -p 2>/dev/null | sed -n 's#.* => \(/.*/lib\(cuda\|nvidia\)[^/]*\.so[^/]*\)$#\1#p' |
        awk -F/ '!seen[$NF]++')
    path=$(command -v nvidia-smi) && entry+=(--ro-bind "$path" "$driver/nvidia-smi")
    entry+=(--setenv LD_LIBRARY_PATH "$driver")
}

# Sets signals: those to pass on, which are not ignored already as nohup has it.
find_signals() {
    local name ignored
    ignored=$(sed -n 's/^SigIgn:[[:space:]]*//p' /proc/$$/status)
    signals=()
    for name in HUP INT QUIT TERM USR1 USR2; do
        (((16#${ignored:-0} >> ($(kill -l "$name") - 1)) & 1)) || signals+=("$name")
    done
}

# Runs bwrap, which dies of any signal and takes the command with it, such that the command itself
# gets the signal and its exit code comes back.
supervise() {
    local pid rc signal received
    for signal in "${signals[@]}"; do
        # shellcheck disable=SC2064  # this signal
        trap "received=$signal; pass_on $signal" "$signal"
    done
    (
        trap '' HUP INT QUIT TERM USR1 USR2
        exec "$@"
    ) <&0 &
    pid=$!
    while :; do
        received=
        wait "$pid"
        rc=$?
        [[ -n $received ]] || break
    done
    exit "$rc"
}

# To the command: the child of the namespace's first process, which is bwrap's child.
pass_on() {
    local target
    if [[ $1 == INT || $1 == QUIT ]] && in_foreground; then
        # A key pressed at the terminal, which has reached the command already.
        return 0
    fi
    target=$(child_of "$pid") && target=$(child_of "$target") && kill -s "$1" "$target" 2>/dev/null
}

# Whether the terminal, if there is one, sends its signals to this process group.
in_foreground() {
    local line fields
    read -r line <"/proc/$$/stat" && read -ra fields <<<"${line##*) }"
    [[ ${fields[2]} == "${fields[5]}" ]]
}

child_of() {
    local file line fields
    for file in /proc/[0-9]*/stat; do
        { read -r line <"$file"; } 2>/dev/null || continue
        read -ra fields <<<"${line##*) }"
        if [[ ${fields[1]} == "$1" ]]; then
            line=${file#/proc/}
            echo "${line%/stat}"
            return 0 # a bare return would give the status from before the trap
        fi
    done
    return 1
}
