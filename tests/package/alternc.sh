#!/bin/bash
# Tries docs/admin/alternc.md where systemd is PID 1: bash alternc.sh NEW.deb WORK
#
# A fresh Debian 12 with MariaDB, Postfix and Dovecot set up as a panel of AlternC's kind does it (panel.sh), 303 accounts and 3,000
# mailboxes; then the commands of the page, taken out of it, forward and back, while letters come in all the time.
set -u

HERE=$(cd "$(dirname "$0")" && pwd)
PAGE=$HERE/../../docs/admin/alternc.md
NEW=$(realpath "$1"); WORK=$(mkdir -p "$2" && cd "$2" && pwd)
PACKAGES=systemd,systemd-sysv,dbus,ca-certificates,procps,python3-minimal,python3,openssl,sudo,dovecot-imapd,dovecot-lmtpd,dovecot-pop3d,dovecot-managesieved,dovecot-sieve,dovecot-mysql,postfix,postfix-mysql,mariadb-server,ssl-cert,iproute2
NAME=nologd-alternc-$$
ROOT=$WORK/$NAME
release=bookworm
. "$HERE/machine.sh"

prepare_host() {
    cp "$HERE/probe.py" "$ROOT/root/"
    cat "$HERE/../sync/alternc.sql" "$HERE/panel.sql" >"$ROOT/root/panel.sql"
    chroot "$ROOT" sh -eu -s <"$HERE/panel.sh"
}

panel_runs() {
    sh_inside 'hostname mail; mkdir /run/alternc; mariadb -e "CREATE DATABASE alternc"; mariadb alternc <panel.sql; alternc.install; systemctl restart dovecot; mariadb -N alternc -e "SELECT count(*) FROM membres"'
}

run_page() {
    local line
    commands "$@" >"$WORK/commands"
    while IFS= read -r line <&3; do
        say "# $line"
        case $line in apt\ install*) line="apt-get install -y --no-install-recommends ${line#apt install}" ;; esac
        case $line in
        # Somebody has to try it.
        "systemctl stop nologd-trial") probe read alice@velo.example alice-secret "from before" 2993 >/dev/null || return 1 ;;
        # This machine may have few descriptors; what it says is looked at below.
        "nologd check --connect") line="nologd check --connect || true" ;;
        esac
        sh_inside "$line" </dev/null || return 1
    done 3<"$WORK/commands"
}

# Before and behind: each way that an address can lead.
each_way() {
    local what=$1
    probe deliver bureau@velo.example "alias $what" && probe read alice@velo.example alice-secret "alias $what" >/dev/null &&
    probe deliver alice@velo-aussi.example "other name $what" && probe read alice@velo.example alice-secret "other name $what" >/dev/null &&
    probe deliver bob+part@velo.example "plus $what" && probe read bob@velo.example bob-secret "plus $what" >/dev/null &&
    probe deliver whoever@asso1.example "all $what" && probe deliver liste@velo.example "list $what" &&
    sh_inside "for i in \$(seq 50); do grep -rqs 'Subject: all $what' /var/mail/alternc/m/member1_asso1.example && grep -qs 'Subject: list $what' /var/lib/list/letters && exit 0; sleep 0.2; done; exit 1" &&
    probe submit alice@velo.example alice-secret bob@velo.example "sent $what" && probe read bob@velo.example bob-secret "sent $what"
}

book_is_full() {
    sh_inside 'test "$(nologd association list | grep -c "^asso")" = 299; nologd mailbox list | grep -c @ | sed "s/^/note: mailboxes: /"; test "$(nologd mailbox list | grep -c @asso)" = 2990
        nologd association show velo | grep "velo-aussi.example=\|velo-aussi.example"; nologd mailbox list --association asso7 | grep "member3@asso7.example.*500 M"
        nologd check --connect >told || true; not grep "^nologd: Postfix\|^nologd: AlternC\|^nologd: Dovecot\|does not tell" told'
}

# Filters go on, the panel's table counts, and no login is noted.
as_before() {
    sh_inside 'mkdir -p /var/mail/alternc/b/bob_velo.example/sieve
        printf "require \"fileinto\";\nif header :contains \"subject\" \"filed\" { fileinto \"INBOX.Filed\"; keep; }\n" >/var/mail/alternc/b/bob_velo.example/sieve/x.sieve
        printf "require [\"fileinto\",\"mailbox\"];\nif header :contains \"subject\" \"filed\" { fileinto :create \"Filed\"; }\n" >/var/mail/alternc/b/bob_velo.example/.dovecot.sieve
        chown -R 3000:vmail /var/mail/alternc/b/bob_velo.example; mariadb -N alternc -e "SELECT nb_messages FROM dovecot_quota WHERE user = \"bob@velo.example\"" >before' &&
    probe deliver bob@velo.example "to be filed" &&
    sh_inside 'for i in $(seq 50); do grep -rqs "Subject: to be filed" /var/mail/alternc/b/bob_velo.example/Maildir/.Filed && break; sleep 0.2; done
        grep -rq "Subject: to be filed" /var/mail/alternc/b/bob_velo.example/Maildir/.Filed
        mariadb -N alternc -e "SELECT nb_messages FROM dovecot_quota WHERE user = \"bob@velo.example\"" >behind; cat before behind; test "$(cat behind)" -gt "$(cat before)"
        test "$(mariadb -N alternc -e "SELECT max(lastlogin) FROM mailbox")" = "0000-00-00 00:00:00"; nologd status | grep "usage pushed.*yes"
        not test -e /run/alternc/jobs-lock; alternc.install -n; systemctl restart dovecot postfix; postconf -M | grep 10025; postconf smtpd_recipient_restrictions | grep 10027' &&
    probe pop3 alice@velo.example alice-secret "alias behind" >/dev/null && probe sieve alice@velo.example alice-secret
}

# Two are missing then: one of the three associations was half deleted in the panel, and Dovecot still told what it holds.
panel_changes() {
    sh_inside 'mariadb alternc -e "INSERT INTO address SET domain_id = 3002, address = \"nouvelle\", type = \"\", password = \"{PLAIN}x\"; INSERT INTO mailbox SET address_id = LAST_INSERT_ID(), path = \"/var/mail/alternc/n/nouvelle_asso2.example\", quota = 200, delivery = \"dovecot\"
            ; UPDATE mailbox m JOIN address a ON a.id = m.address_id SET m.quota = 77 WHERE a.domain_id = 3003 AND a.address = \"member1\"
            ; UPDATE mailbox m JOIN address a ON a.id = m.address_id SET m.mail_action = \"DELETE\", a.mail_action = \"DELETE\", a.enabled = 0 WHERE a.domain_id = 3004 AND a.address = \"member1\""
        systemctl start nologd-sync.service; nologd mailbox list --association asso2 | grep "nouvelle@asso2.example.*200 M"
        nologd mailbox list --association asso3 | grep "member1@asso3.example.*77 M"; nologd mailbox list --association asso4 | grep member1@asso4.example
        journalctl -u nologd-sync -o cat >told; grep "not removed yet 2" told; not grep "nouvelle\|member1" told'
}

command -v systemd-nspawn >/dev/null && command -v mmdebstrap >/dev/null || { skip everything "systemd-container or mmdebstrap is not installed"; exit 0; }
[ "$(id -u)" = 0 ] || { skip everything "only root can start containers"; exit 0; }
make_root >"$WORK/said" 2>&1 || { skip everything "the root cannot be made: $(tail -1 "$WORK/said")"; exit 0; }
mkdir "$ROOT"; tar -C "$ROOT" -xf "$root"
cp "$NEW" "$ROOT/root/$(dpkg-deb -f "$NEW" Package)_new.deb"
step "a host with a panel" prepare_host
boot || { fail "it does not start: $(tail -1 "$WORK/console")"; exit 1; }
few_files
step "the panel's database, and its own install" panel_runs
step "mail before" each_way before
step "a letter from before" probe deliver alice@velo.example "from before"
step "the page, forward: $(commands install | grep -c .) commands, under mail" under_mail forwards run_page install
inside systemctl is-active --quiet nologd || { inside journalctl --no-pager -u nologd -o cat | tail -20 | sed 's/^/        /'; exit 1; }
step "the book is full" book_is_full
step "mail behind, each way" each_way behind
step "filters, the panel's numbers, no moments; the panel's install again" as_before
step "the panel changes, and the book follows" panel_changes
step "the page, back: $(commands back | grep -c .) commands, under mail" under_mail backwards run_page back
step "mail afterwards, each way" each_way afterwards
say "passed $passed, failed $failed, skipped $skipped"
[ "$failed" = 0 ]
