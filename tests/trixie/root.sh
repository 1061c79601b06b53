# Makes a Debian 13 in the folder $1 with the packages $2, or keeps the one that was made of the same. As root.
set -eu
root=$1 packages=$2
if [ "$(cat "$root.made" 2>/dev/null)" != "$packages" ]; then
    mkdir -p "${root%/*}"
    rm -rf "$root" "$root.made"
    # Of the host's network it has none later; that Postfix is started by nobody but the tests.
    mmdebstrap --quiet --variant=minbase --include="$packages" \
        --essential-hook='echo "postfix postfix/main_mailer_type select Local only" | chroot "$1" debconf-set-selections' \
        trixie "$root" "${MIRROR:-http://deb.debian.org/debian}"
    printf %s "$packages" >"$root.made"
fi
echo "Debian $(cat "$root/etc/debian_version"), Dovecot $(chroot "$root" dovecot --version), $(chroot "$root" postconf -d mail_version)"
