# Courier's IMAP on the port $3 and POP3 on $4, in the folder $1, with the programs below $2. It knows its places only below /etc/courier,
# /run/courier and /usr, so it runs in a mount and a process namespace of its own, in a root where those are.
set -eu
folder=$1
root=$2
new=$folder/root
mkdir "$new"
mount -t tmpfs -o mode=755 tmpfs "$new"
cd "$new"
mkdir usr etc dev proc tmp run run/courier run/courier/authdaemon
mount -t overlay overlay -o "lowerdir=$root/usr:/usr" usr
for part in dev proc tmp; do mount --rbind "/$part" "$part"; done
for part in bin sbin lib lib64; do ln -s "usr/$part" "$part"; done
cp -r "$root/etc/courier" etc/
cp /etc/passwd /etc/group /etc/nsswitch.conf etc/
sed -i 's/^authmodulelist=.*/authmodulelist="authuserdb"/' etc/courier/authdaemonrc
# MAXPERIP counts all members as one address, and MAXDAEMONS all sessions.
sed -i 's/^MAXDAEMONS=.*/MAXDAEMONS=1000/; s/^MAXPERIP=.*/MAXPERIP=1000/' etc/courier/imapd etc/courier/pop3d
while IFS=' ' read -r address password; do
    printf '%s\thome=%s|uid=65534|gid=65534\n' "$address" "$folder/mail/$address" >> users
    printf '%s\tsystempw=%s\n' "$address" "$(printf %s "$password" | openssl passwd -6 -stdin)" >> secrets
    mkdir -p "$folder/mail/$address/Maildir/cur" "$folder/mail/$address/Maildir/new" "$folder/mail/$address/Maildir/tmp"
done < "$folder/members"
echo . | tee -a users >> secrets
chown -R 65534:65534 "$folder/mail"
exec chroot "$new" /bin/sh -euc '
    made=/usr/lib/courier/courier-authlib/makedatprog
    $made - /etc/courier/new /etc/courier/userdb.dat < users
    $made - /etc/courier/new /etc/courier/userdbshadow.dat < secrets
    set -a
    ( . /etc/courier/authdaemonrc; exec /usr/lib/courier/courier-authlib/authdaemond ) &
    until [ -S /run/courier/authdaemon/socket ]; do sleep 0.1; done
    # As Debian starts them, but for the logger in front.
    ( . /etc/courier/pop3d; exec /usr/sbin/couriertcpd -address=127.0.0.1 -maxprocs=$MAXDAEMONS -maxperip=$MAXPERIP $TCPDOPTS "$2" \
        /usr/lib/courier/courier/courierpop3login /usr/lib/courier/courier/courierpop3d Maildir ) &
    . /etc/courier/imapd
    /usr/sbin/couriertcpd -address=127.0.0.1 -maxprocs=$MAXDAEMONS -maxperip=$MAXPERIP $TCPDOPTS "$1" \
        /usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir
' courier "$3" "$4"
