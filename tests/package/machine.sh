# What the runs in containers share, read by `.`: WORK, NAME, ROOT, PACKAGES and release are the caller's.
failed=0; skipped=0; passed=0; NSPAWN=; LEADER=

say()  { printf '%s\n' "$*"; }
skip() { skipped=$((skipped + 1)); say "SKIPPED $release $1: $2"; }
fail() { failed=$((failed + 1)); say "FAILED  $release $1"; sed 's/^/        /' "$WORK/said" | tail -40; }

# step NAME COMMAND...: what it says is in WORK/said, and shown where it fails; lines with "note: " always.
step() {
    local name=$1; shift
    if "$@" >"$WORK/said" 2>&1; then passed=$((passed + 1)); say "ok      $release $name"; sed -n 's/^note: /        /p' "$WORK/said"; else fail "$name"; fi
}

# One root for each release, made once for these packages.
make_root() {
    root=$WORK/$release-$(printf %s "$PACKAGES" | cksum | cut -d" " -f1).tar
    [ -e "$root" ] && return
    rm -f "$WORK/$release"*.tar
    mmdebstrap --variant=minbase --include="$PACKAGES" \
        --essential-hook='printf "postfix postfix/main_mailer_type select Internet Site\npostfix postfix/mailname string velo.example\n" | chroot "$1" debconf-set-selections' \
        "$release" "$WORK/$release.new.tar" "${MIRROR:-http://deb.debian.org/debian}" && mv "$WORK/$release.new.tar" "$root"
}

boot() {
    local flags=
    # Where this machine itself has no systemd, nobody can be asked for a scope.
    [ -d /run/systemd/system ] || flags="--register=no --keep-unit"
    # systemd 257 does not start on the old kind of cgroups.
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn $flags --quiet --boot --console=pipe --private-network \
        -D "$ROOT" -M "$NAME" </dev/null >"$WORK/console" 2>&1 &
    NSPAWN=$!
    local try
    for try in $(seq 60); do
        sleep 0.5
        LEADER=$(pgrep -P "$NSPAWN" -o) || { kill -0 "$NSPAWN" 2>/dev/null || return 1; continue; }
        case $(inside systemctl is-system-running 2>/dev/null) in running|degraded) return 0 ;; esac
    done
    return 1
}

halt() {
    [ -n "$NSPAWN" ] && kill -TERM "$NSPAWN" 2>/dev/null && wait "$NSPAWN" 2>/dev/null
    NSPAWN=
}

finish() { halt; rm -rf "$ROOT" "$WORK"/said* "$WORK"/{commands,console,held,book,letters}; }
trap finish EXIT
trap 'exit 130' INT TERM

inside() {
    nsenter -t "$LEADER" -a -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "$@"
}
# `! COMMAND` would never end a script under -e.
sh_inside() { inside sh -euc "not() { if \"\$@\"; then return 1; fi; }; cd ${IN:-/root}; $1"; }
probe() { inside python3 /root/probe.py "$@"; }

# The commands of a page: every ```sh block, in order; those under "The way back" or "Back" are left for later.
commands() {
    awk -v part="$1" '
        /^## /            { back = ($0 ~ /[Ww]ay back|^## Back$/) }
        /^ *```sh/        { inside = 1; next }
        /^ *```/          { inside = 0 }
        inside && (part == "back") == back { sub(/^ +/, ""); print }' "${2:-$PAGE}"
}

# The unit asks for 65536 files. Where this machine may not give that many, its own limit has to do; that is said.
few_files() {
    local most
    most=$(inside sh -c 'ulimit -Hn')
    [ "$most" = unlimited ] || [ "$most" -ge 65536 ] && return
    say "        this machine gives $most files at most: LimitNOFILE of the unit is overridden"
    sh_inside "mkdir -p /etc/systemd/system/nologd.service.d; printf '[Service]\nLimitNOFILE=$most\n' >/etc/systemd/system/nologd.service.d/few.conf"
}

# The same while letters come in from outside, as they always do: none is lost or refused for good. One can be there twice, where a server
# was stopped between taking it and saying so.
under_mail() {
    local word=$1 number letters done; shift
    inside rm -f /root/stop
    probe stream bob@velo.example "$word" /root/stop >"$WORK/letters" 2>&1 & letters=$!
    "$@"; done=$?
    sleep 1; inside touch /root/stop
    wait "$letters" || { cat "$WORK/letters"; return 1; }
    [ "$done" = 0 ] || return 1
    number=$(cat "$WORK/letters")
    # What waits is tried again within minutes; so much patience nobody has here.
    inside postqueue -f
    probe arrived bob@velo.example bob-secret "$word" "$number" && [ "$number" -ge 5 ] && sh_inside 'postqueue -p; postqueue -p | grep "queue is empty"'
}
