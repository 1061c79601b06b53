#!/bin/bash
# Tries the package where systemd is PID 1: sh run.sh OLD.deb NEW.deb WORK [RELEASE ...]
#
# With OLDER=FILE.deb, a package of an earlier time, also the way from there to NEW and back.
#
# A fresh Debian with Dovecot and Postfix that serve members already; then the commands of docs/admin/install.md, taken out of the page;
# then reload, stop, upgrade, downgrade, remove, purge. What cannot be tried here is named as SKIPPED. Roots are kept in WORK as *.tar, to
# be used again: that they stay is the only thing that is left behind.
set -u

HERE=$(cd "$(dirname "$0")" && pwd)
PAGE=$HERE/../../docs/admin/install.md
SOURCE=$HERE/../../docs/admin/install-from-source.md
PANELS=$HERE/../../docs/admin/panels.md
OLDER=${OLDER:+$(realpath "$OLDER")}
OLD=$(realpath "$1"); NEW=$(realpath "$2"); WORK=$(mkdir -p "$3" && cd "$3" && pwd); shift 3
RELEASES=${*:-bookworm trixie}
PACKAGES=systemd,systemd-sysv,dbus,ca-certificates,procps,python3-minimal,python3,openssl,man-db,sudo,dovecot-imapd,dovecot-lmtpd,dovecot-pop3d,dovecot-managesieved,postfix
NAME=nologd-test-$$
ROOT=$WORK/$NAME
. "$HERE/machine.sh"

# A host as it was before: members in a password file, Maildirs, certbot's folders, 993 and 465 open.
prepare_host() {
    cp "$HERE/probe.py" "$ROOT/root/"
    chroot "$ROOT" sh -eu -s <"$HERE/host.sh"
}

run_page() {
    local line
    commands "$@" >"$WORK/commands"
    while IFS= read -r line <&3; do
        say "# $line"
        # No panel stands here, and no compiler.
        case $line in mariadb*|cargo*) say "note: not run: $line"; continue ;; esac
        # Somebody has to try it.
        case $line in "systemctl stop nologd-trial") probe read alice@velo.example alice-secret "from before" 2993 >/dev/null || return 1 ;; esac
        case $line in apt\ install*) line="apt-get install -y --no-install-recommends ${line#apt install}" ;; esac
        sh_inside "$line" </dev/null || return 1
        case $line in apt*) after_install_nothing_runs || return 1 ;; esac
    done 3<"$WORK/commands"
}

after_install_nothing_runs() {
    sh_inside 'not systemctl is-active nologd; not systemctl is-enabled nologd; id nologd; dpkg -s nologd | grep "^ /etc/nologd/nologd.toml "
        test "$(stat -c %a:%U:%G /etc/nologd/nologd.toml)" = 640:root:nologd; test "$(stat -c %a:%U:%G /etc/nologd)" = 750:root:nologd
        for page in nologd nologd-association-add nologd-blocks-list nologd-dns nologd-sync nologd-usage-load; do man $page >/dev/null; done
        for shell in bash-completion/completions/nologd zsh/vendor-completions/_nologd fish/vendor_completions.d/nologd.fish; do
            grep -q sync /usr/share/$shell; done
        not systemctl is-enabled nologd-sync.timer; not systemctl is-active nologd-sync.timer; id nologd-sync
        dpkg -s nologd | grep "^ /etc/nologd-sync/sync.toml "; test "$(stat -c %a:%U:%G /etc/nologd-sync)" = 750:root:nologd-sync
        test "$(stat -c %a:%U:%G /etc/nologd-sync/sync.toml)" = 640:root:nologd-sync'
}

units_are_good() {
    sh_inside 'for unit in nologd nologd-sync; do
            systemd-analyze verify $unit.service; systemd-analyze --no-pager security $unit.service | tail -1 >security; sed "s/^/note: /" security
            awk "{ for (i = 1; i < NF; i++) if (\$i == \"$unit.service:\") exit !(\$(i + 1) <= 1.5) ; exit 1 }" security
        done; systemd-analyze verify nologd-sync.timer'
}

is_said() { sh_inside "journalctl -u nologd -o cat | grep -q '^nologd: $1'"; }

first_mail() {
    local more=${1:-}
    probe deliver alice@velo.example "the first one$more" && probe read alice@velo.example alice-secret "the first one$more" &&
    probe submit alice@velo.example alice-secret bob@velo.example "sent by Alice$more" &&
    probe read bob@velo.example bob-secret "sent by Alice$more" >"$WORK/said.header" || return 1
    cat "$WORK/said.header"
    ! grep -i 'A program with a name\|laptop.example\|+0100' "$WORK/said.header"
}

other_doors() {
    probe pop3 alice@velo.example alice-secret "the first one" && probe sieve alice@velo.example alice-secret &&
    probe autoconfig velo.example && sh_inside 'find /srv/mail -name quiet.sieve | grep alice@velo.example'
}

# As somebody without a panel has it: one table.
table() {
    sh_inside "printf '%s\n' 'association;domain;mailbox;storage' $1 >/etc/nologd-sync/panel.csv
        chgrp nologd-sync /etc/nologd-sync/panel.csv; chmod 640 /etc/nologd-sync/panel.csv"
}
VELO="'velo;velo.example;alice;2G' 'velo;velo.example;bob;'"

book_follows() {
    table "$VELO 'jardin;jardin.example;carole;500M'" &&
    sh_inside 'printf "\n[admin]\ngroup = \"mailadmins\"\n" >>/etc/nologd/nologd.toml' &&
    run_page install "$PANELS" && wait_ready &&
    sh_inside 'nologd mailbox list --association jardin | grep carole@jardin.example; systemctl is-active nologd-sync.timer
        test "$(systemctl show -P Result nologd-sync.service)" = success; nologd check --file-only
        test "$(stat -c %a:%U /var/lib/nologd-sync)" = 700:nologd-sync; journalctl -u nologd-sync -u nologd >told; grep SYNC told; not grep -i "carole\|jardin" told'
}

# The timer of the package, with less patience.
timer_runs() {
    table "$VELO 'jardin;jardin.example;carole;500M' 'jardin;jardin.example;david;1G'" &&
    sh_inside 'mkdir -p /etc/systemd/system/nologd-sync.timer.d
        printf "[Timer]\nOnActiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=100ms\n" >/etc/systemd/system/nologd-sync.timer.d/soon.conf
        systemctl daemon-reload; systemctl restart nologd-sync.timer
        for i in $(seq 100); do nologd mailbox list --association jardin | grep -q david@jardin.example && break; sleep 0.1; done
        nologd mailbox list --association jardin | grep david@jardin.example; systemctl is-active nologd-sync.timer
        rm -r /etc/systemd/system/nologd-sync.timer.d; systemctl daemon-reload; systemctl restart nologd-sync.timer'
}

# Hold sessions open, run a command that stops the daemon, and see what became of them.
held_over() {
    local holder begin took
    probe hold 60 >"$WORK/held" 2>&1 & holder=$!
    for begin in $(seq 100); do grep -q '^held' "$WORK/held" && break; sleep 0.1; done
    begin=$(date +%s)
    "$@" || { cat "$WORK/held"; return 1; }
    took=$(($(date +%s) - begin))
    wait "$holder"
    cat "$WORK/held"; say "note: away for $took s at most"
    grep -q '^waiting: \* BYE.*(STOPPING)' "$WORK/held" && grep -q '^sending: 250' "$WORK/held" && [ "$took" -le 45 ]
}

reload_keeps_sessions() {
    local before holder
    before=$(sh_inside 'systemctl show -P MainPID nologd')
    # As people save: another file takes the name.
    sh_inside 'sed -i "s|^drain_seconds.*||; s|^state_dir|drain_seconds = 25\nstate_dir|" /etc/nologd/nologd.toml; nologd check --file-only
        systemctl reload nologd; sleep 1'
    is_said reloaded && [ "$before" = "$(sh_inside 'systemctl show -P MainPID nologd')" ] &&
    ! is_said reload-refused
}

no_warnings() { sh_inside 'postconf -n >told 2>&1; not grep warning told; doveconf -n >told 2>&1; not grep -i "warning\|error\|unknown" told'; }

stopped_well() { sh_inside 'test "$(systemctl show -P Result nologd)" = success; not systemctl is-active nologd; not ls /run/nologd'; }

# Lists are made anew at each start, and rounded: two letters more or less between two starts change nothing in them.
book() { sh_inside 'nologd association list --json | tee /root/book; grep -q velo /root/book; grep -q "\"mailboxes\": 2," /root/book' ; }

upgrade() {
    sh_inside "dpkg -i /root/$1 </dev/null" &&
    sh_inside 'systemctl is-active nologd || { journalctl -u nologd -o cat | tail -12; exit 1; }; grep mail.velo.example /etc/nologd/nologd.toml' &&
    wait_ready
}
wait_ready() { sh_inside 'for i in $(seq 50); do nologd status >/dev/null 2>&1 && exit 0; sleep 0.1; done; exit 1'; }

stopped_stays() { sh_inside 'dpkg -i old.deb </dev/null; not systemctl is-active nologd'; }

broken_config() {
    sh_inside 'cp -a /etc/nologd/nologd.toml good; echo nonsense >>/etc/nologd/nologd.toml; pid=$(systemctl show -P MainPID nologd)
        dpkg -i new.deb </dev/null 2>&1 | tee said; grep "the one before goes on" said; test "$pid" = "$(systemctl show -P MainPID nologd)"
        cp -a good /etc/nologd/nologd.toml; nologd status >/dev/null'
}

# An export in a form that this version does not know: it is refused, with what to do, and no store is made of it. (That the daemon does
# not start on such a store: tests/store_contract.rs.)
newer_book() {
    sh_inside 'systemctl stop nologd; nologd store export >book.json; grep "\"schema\": [0-9]" book.json; mv /var/lib/nologd/store kept
        sed -i "s/\"schema\": [0-9]*/\"schema\": 99/" book.json; not nologd store import book.json 2>said
        grep "written by a newer nologd (schema 99); install that version again" said; not test -e /var/lib/nologd/store
        mv kept /var/lib/nologd/store; systemctl start nologd' && wait_ready
}

same_book() { book >"$WORK/said.after" && diff "$WORK/book" "$WORK/said.after"; }

# One of two machines, and the witness of another pair: as docs/admin/pair.md has them, with a link that leads nowhere.
pair_files() {
    sh_inside 'sed "s|^    root@.*|    nobody@127.0.0.1|" /usr/share/nologd/backends/nologd-node.service >/etc/systemd/system/nologd-node.service
        install -d -m 700 -o nologd -g nologd /var/lib/nologd-node; echo private >/var/lib/nologd-node/key; chown nologd: /var/lib/nologd-node/key
        systemctl daemon-reload; systemd-analyze verify nologd-node.service; systemctl enable --now nologd-node
        systemd-analyze verify nologd-share-count.service; not systemctl is-enabled nologd-share-count
        install -d -m 700 /var/lib/nologd-witness /run/nologd-witness; echo sealed >/var/lib/nologd-witness/copy; systemctl is-active nologd-node
        systemctl show -P MainPID nologd-node >link'
}
link_is_new() { sh_inside 'systemctl is-active nologd-node; not test "$(systemctl show -P MainPID nologd-node)" = "$(cat link)"'; }

removed() {
    sh_inside 'apt-get -y remove nologd </dev/null | tee /root/removed; grep "the book stays" /root/removed
        not systemctl is-active nologd; not systemctl is-active nologd-sync.timer; test -d /var/lib/nologd/store; test -d /var/lib/nologd-sync
        not systemctl is-active nologd-node; test "$(systemctl show -P SubState nologd-node)" = dead; test -e /var/lib/nologd-node/key
        grep "/var/lib/nologd-witness stays" /root/removed; test -e /var/lib/nologd-witness/copy
        test -e /etc/nologd-sync/sync.toml; test -e /etc/nologd/nologd.toml; not test -e /usr/bin/nologd; not ls /run/nologd'
}

installed_again() { sh_inside 'dpkg -i /root/new.deb </dev/null; systemctl enable --now nologd' && wait_ready; }

# The folder of the book is a link, as where the admin has moved it to another disk.
purged() {
    sh_inside 'systemctl stop nologd 2>/dev/null || true; mv /var/lib/nologd /srv/book; ln -s /srv/book /var/lib/nologd
        echo mine >/etc/nologd/mine; apt-get -y purge nologd </dev/null | tee /root/purged; grep "erased /srv/book" /root/purged
        grep "erased /var/lib/nologd-node" /root/purged; grep "erased /var/lib/nologd-witness" /root/purged
        test "$(ls -d /var/lib/nologd* /run/nologd* 2>/dev/null | wc -l)" = 0; grep "nologd-node.service is not of the package" /root/purged
        not systemctl is-enabled nologd-node; rm /etc/systemd/system/nologd-node.service; systemctl daemon-reload; systemctl reset-failed nologd-node || true
        grep "/etc/nologd has files that are not of the package" /root/purged; not test -e /var/lib/nologd-sync
        grep "/etc/nologd-sync has files that are not of the package" /root/purged; test "$(ls -A /etc/nologd-sync)" = panel.csv; rm -r /etc/nologd-sync
        find / -xdev "(" -user nologd -o -user nologd-sync ")" >left; cat left; not test -s left
        systemctl list-units --all --plain --no-legend "nologd*" >left; cat left; not test -s left
        not test -e /var/lib/nologd; not test -e /run/nologd; ls -a /etc/nologd; test "$(ls -A /etc/nologd)" = mine; rm -r /etc/nologd; not test -e /srv/book
        not test -e /etc/systemd/system/multi-user.target.wants/nologd.service; rm -rf /etc/systemd/system/nologd.service.d; systemctl daemon-reload; not systemctl cat nologd'
}

# The tree as it is cloned, with what was built in it.
source_tree() {
    mkdir -p "$ROOT/root/nologd/target/release"
    cp -r "$HERE/../../policy" "$HERE/../../debian" "$ROOT/root/nologd/"
    dpkg-deb --fsys-tarfile "$NEW" | tar -xO ./usr/bin/nologd >"$ROOT/root/nologd/target/release/nologd"
    sh_inside 'userdel nologd; rm -rf /root/postfix.before'
    few_files
}
from_source() {
    source_tree && IN=/root/nologd run_page install "$SOURCE" && first_mail " from source" && unit_of_source &&
    run_page back && sh_inside 'rm -rf /usr/bin/nologd /etc/nologd /var/lib/nologd /etc/systemd/system/nologd.service*; systemctl daemon-reload; userdel nologd'
}
unit_of_source() { sh_inside 'systemctl is-active nologd; systemctl show -P FragmentPath nologd | grep ^/etc/systemd/system/nologd.service'; }

# A config and a book that an earlier version made. What dpkg asks about the config is answered as it suggests: the admin's stays.
from_older() {
    few_files
    cp "$OLDER" "$ROOT/root/older.deb"
    sh_inside 'dpkg -i older.deb; editor /etc/nologd/nologd.toml; systemctl daemon-reload
        chgrp -R nologd /etc/letsencrypt/live /etc/letsencrypt/archive; chmod -R g+rX /etc/letsencrypt/live /etc/letsencrypt/archive
        cp /usr/share/nologd/backends/dovecot-$(dovecot --version | cut -c1-3)-ports.conf /etc/dovecot/conf.d/99-nologd-ports.conf
        postconf -M# submissions/inet; postfix reload; systemctl restart dovecot; systemctl start nologd || { journalctl -u nologd -o cat | tail -12; exit 1; }' && wait_ready &&
    sh_inside 'nologd association add velo --domain velo.example --storage 10G; nologd mailbox set alice@velo.example --storage 2G' &&
    probe read alice@velo.example alice-secret "from before" >/dev/null &&
    sh_inside 'dpkg -i --force-confold new.deb </dev/null; systemctl is-active nologd' && wait_ready && of_older &&
    probe read alice@velo.example alice-secret "from before" >/dev/null &&
    # Down: it goes on, or says what to do. Never does it start on a book that it does not understand.
    sh_inside 'dpkg -i --force-confold older.deb </dev/null; sleep 3
        if systemctl is-active nologd; then echo "note: the older one reads the book"; else
            journalctl -u nologd -o cat | grep "written by a newer nologd (schema [0-9]*); install that version again" | tail -1 | sed "s/^/note: /"; fi' &&
    sh_inside 'systemctl stop nologd; dpkg -i --force-confold new.deb </dev/null; systemctl reset-failed nologd || true; systemctl start nologd' &&
    wait_ready && of_older
}
of_older() { sh_inside 'nologd association show velo | grep "10 G"; nologd mailbox list | grep "alice@velo.example.*2 G"'; }

# The same way without systemd, as an image is built: nothing may fail.
in_a_chroot() {
    chroot "$ROOT" sh -euc 'cd /root; dpkg -i old.deb; dpkg -i new.deb; test -e /etc/nologd/nologd.toml; id nologd
        mkdir /var/lib/nologd; echo x >/var/lib/nologd/x; dpkg --remove nologd; test -e /var/lib/nologd/x; dpkg --purge nologd
        test "$(ls -d /etc/nologd* /var/lib/nologd* 2>/dev/null | wc -l)" = 0; userdel nologd; userdel nologd-sync'
}

for release in $RELEASES; do
    command -v systemd-nspawn >/dev/null && command -v mmdebstrap >/dev/null || { skip everything "systemd-container or mmdebstrap is not installed"; continue; }
    [ "$(id -u)" = 0 ] || { skip everything "only root can start containers"; continue; }
    make_root >"$WORK/said" 2>&1 || { skip everything "the root cannot be made: $(tail -1 "$WORK/said")"; continue; }
    rm -rf "$ROOT"; mkdir "$ROOT"; tar -C "$ROOT" -xf "$root"
    cp "$OLD" "$ROOT/root/old.deb"; cp "$NEW" "$ROOT/root/new.deb"
    step "install, upgrade, remove, purge without systemd" in_a_chroot
    # What the page installs is the older of the two.
    cp "$OLD" "$ROOT/root/$(dpkg-deb -f "$OLD" Package)_old.deb"
    step "a host with Dovecot and Postfix" prepare_host
    if ! boot; then skip "everything that needs systemd" "it does not start: $(tail -1 "$WORK/console")"; halt; continue; fi
    say "        $(inside systemctl --version | head -1); Dovecot $(inside dovecot --version); $(inside postconf mail_version)"
    few_files
    step "mail before" probe deliver alice@velo.example "from before"
    step "mail before, read" probe read alice@velo.example alice-secret "from before"
    step "install page: $(commands install | grep -c .) commands, under mail" under_mail forwards run_page install
    if ! inside systemctl is-active --quiet nologd; then
        inside journalctl --no-pager -u nologd -o cat | tail -20 | sed 's/^/        /'
        skip "everything after the install page" "nologd does not run"; halt; continue
    fi
    step "first mail through nologd, both ways" first_mail
    step "neither Postfix nor Dovecot warns" no_warnings
    step "mail from before is there" probe read alice@velo.example alice-secret "from before"
    step "POP3, a filter, settings for mail programs" other_doors
    step "the book follows a table: $(commands install "$PANELS" | grep -c .) commands" book_follows
    step "the sync's timer" timer_runs
    step "the demo, with this Dovecot" sh_inside 'nologd demo --check'
    step "units: verify, security at most 1.5" units_are_good
    step "reload" reload_keeps_sessions
    step "systemctl stop with open sessions" held_over inside systemctl stop nologd
    step "stopped well" stopped_well
    step "upgrade of a stopped one" stopped_stays
    sh_inside 'systemctl start nologd'; wait_ready
    step "the book before" book
    cp "$WORK/said" "$WORK/book"
    step "the link to a witness, as a pair has it" pair_files
    step "upgrade with open sessions" held_over upgrade new.deb
    step "upgrade renews the link" link_is_new
    step "upgrade keeps the book" same_book
    step "upgrade with a broken config: the one before goes on" broken_config
    step "downgrade" upgrade old.deb
    step "downgrade keeps the book" same_book
    step "a book of a newer form is refused" newer_book
    step "that book again" same_book
    step "remove keeps state and config" removed
    step "install again" installed_again
    step "the book is there again" same_book
    step "the way back: $(commands back | grep -c .) commands, under mail" under_mail backwards run_page back
    step "mail after the way back" probe deliver alice@velo.example "afterwards"
    step "mail after the way back, read" probe read alice@velo.example alice-secret "afterwards"
    step "purge erases, and says so" purged
    step "install from source: $(commands install "$SOURCE" | grep -c .) commands, under mail" under_mail source from_source
    [ -z "$OLDER" ] || step "from an older version, and down again" from_older
    halt; rm -rf "$ROOT"
done
say "passed $passed, failed $failed, skipped $skipped"
[ "$failed" = 0 ]
