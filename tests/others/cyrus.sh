# Cyrus in the folder $1, with the programs below $2. Run in a mount and a process namespace of its own: what it says to syslog goes to
# the socket $1/syslog, and all of it ends with the first process.
set -eu
folder=$1
root=$2
mkdir "$folder/dev"
mount -t tmpfs -o mode=755 tmpfs "$folder/dev"
for device in null zero random urandom full tty; do : > "$folder/dev/$device" && mount --bind "/dev/$device" "$folder/dev/$device"; done
: > "$folder/dev/log"
mount --bind "$folder/syslog" "$folder/dev/log"
mount --move "$folder/dev" /dev
while IFS=' ' read -r address password; do
    printf %s "$password" | "$root/usr/sbin/saslpasswd2" -p -c -f "$folder/sasldb" -u "${address#*@}" "${address%@*}"
done < "$folder/members"
for part in conf/db conf/socket conf/proc conf/log conf/lock conf/msg conf/user conf/quota run/lock mail sieve; do mkdir -p "$folder/$part"; done
chown -R nobody:nogroup "$folder/conf" "$folder/run" "$folder/mail" "$folder/sieve" "$folder/sasldb"
# Never the first process itself: signals that end others do nothing to that one.
"$root/usr/lib/cyrus/bin/master" -C "$folder/imapd.conf" -M "$folder/cyrus.conf" -p "$folder/run/pid"
