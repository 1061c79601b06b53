# Runs a program of this machine in the Debian 13 below $1: sh inside.sh ROOT PROGRAM [ARGUMENT ...], as root. Cargo's runner for it.
#
# The sources and what was built are at their own paths there, read-only. Processes, network (loopback alone) and /tmp are its own, and
# end with it.
set -eu
root=$1 program=$(realpath "$2")
shift 2
case $program in */deps/*) built=${program%/deps/*} ;; *) built=${program%/*} ;; esac
export ROOT="$root" SOURCES="$(cd "$(dirname "$0")/../.." && pwd)" BUILT="$built"
# Not the program itself is the first process: signals that end others do nothing to that one, and it has to see to orphans.
exec unshare --mount --net --pid --fork --kill-child sh -euc '
    mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
    mount -t tmpfs -o mode=755 tmpfs "$ROOT/run"
    for part in "$SOURCES" "$BUILT"; do
        mkdir -p "$ROOT$part"
        mount --bind "$part" "$ROOT$part"
        mount -o remount,bind,ro "$ROOT$part"
    done
    mount --rbind /dev "$ROOT/dev"
    mount -t proc proc "$ROOT/proc"
    ip link set lo up
    chroot "$ROOT" env -u TMPDIR PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        sh -euc "cd \"\$SOURCES\"; exec \"\$@\"" sh "$@"
' sh "$program" "$@"
