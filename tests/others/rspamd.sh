# What rspamd does with mail that comes from the port of nologd (from loopback, with no login), and what it writes down. The programs are
# below $1. Run in a mount, a network and a process namespace of its own; each line that is printed is one outcome.
set -eu
root=$1
ip link set lo up
mount -t overlay overlay -o "lowerdir=$root/usr:/usr" /usr
mount -t tmpfs tmpfs /mnt
mkdir /mnt/etc
cp -a /etc/. /mnt/etc/
cp -a "$root/etc/rspamd" /mnt/etc/
mount --bind /mnt/etc /etc
for folder in /run /var/log /var/lib; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
mkdir -p /run/rspamd /var/log/rspamd /var/lib/rspamd/dkim
: > /etc/resolv.conf
own=/etc/rspamd/local.d
mkdir -p "$own"
echo 'servers = "127.0.0.1";' > "$own/redis.conf"
rspamadm dkim_keygen -s dkim -d velo.example -k /var/lib/rspamd/dkim/velo.example.dkim.key > /dev/null
redis-server --port 6379 --bind 127.0.0.1 --save '' --daemonize yes > /dev/null

begin() {
    redis-cli flushall > /dev/null
    : > /var/log/rspamd/rspamd.log
    chown -R nobody /run/rspamd /var/log/rspamd /var/lib/rspamd
    rspamd -u nobody -g nogroup -c /etc/rspamd/rspamd.conf > /var/log/start 2>&1
    until rspamc -h 127.0.0.1:11334 stat > /dev/null 2>&1; do sleep 0.2; done
}
end() {
    process=$(cat /run/rspamd/rspamd.pid)
    kill "$process"
    while kill -0 "$process" 2>/dev/null; do sleep 0.1; done
}
# One message of alice's, as Postfix hands it over: from whom it came. (Who is called rspamc has no limits.)
ask() {
    printf 'From: Alice <alice@velo.example>\r\nTo: bob@asso.example\r\nSubject: hello\r\nMessage-ID: <%s@velo.example>\r\n\r\nHello\r\n' "$(date +%N)" |
        curl -sS --data-binary @- -H 'From: alice@velo.example' -H 'Rcpt: bob@asso.example' "$@" http://127.0.0.1:11333/checkv2
}
ours() { ask -H 'Ip: 127.0.0.1'; }
strangers() { ask -H 'Ip: 192.0.2.7'; }
members() { ask -H 'Ip: 192.0.2.7' -H 'User: alice@velo.example'; }
is() { if grep -q "$2"; then echo "$1: yes"; else echo "$1: no"; fi; }
# More than any limit here; it counts beside the answer.
some() { for message in 1 2 3 4 5 6; do "$1"; sleep 0.3; done; }

# DKIM.
begin
ours | is 'signed by default' DKIM_SIGNED
strangers | is "a stranger's is signed" DKIM_SIGNED
end
for domain in auth header; do
    echo "use_domain = \"$domain\";" > "$own/dkim_signing.conf"
    begin
    ours | is "signed with use_domain = $domain" DKIM_SIGNED
    end
done
rm "$own/dkim_signing.conf"

# Settings by who it is.
for who in 'authenticated = true' 'ip = "127.0.0.1"'; do
    echo "one { $who; priority = high; apply { symbols_disabled = [\"MIME_GOOD\"]; } }" > "$own/settings.conf"
    begin
    ours | is "still judged with $who" MIME_GOOD
    end
done
rm "$own/settings.conf"

# Limits.
echo 'rates { user = { bucket = { burst = 2; rate = "1 / 1h"; } } }' > "$own/ratelimit.conf"
begin
some ours | is 'a limit by user holds' 'soft reject'
some members | is 'a limit by user holds with a login' 'soft reject'
end
echo "rates { sender = { selector = \"from('smtp'):addr\"; bucket = { burst = 2; rate = \"1 / 1h\"; } } }" > "$own/ratelimit.conf"
begin
some ours | is 'a limit by sender holds' 'soft reject'
end
rm "$own/ratelimit.conf"

# What it writes down, and what is left with the lines that the audit names.
written() {
    grep -q 'alice@velo' /var/log/rspamd/rspamd.log && echo "$1: log"
    redis-cli keys 'rs_history*' | grep -q . && echo "$1: history"
    redis-cli keys 'rr*' | grep -q . && echo "$1: replies"
    true
}
begin
members > /dev/null
sleep 2
written 'by default'
end
echo 'level = "error";' > "$own/logging.inc"
for file in history_redis replies; do echo 'enabled = false;' > "$own/$file.conf"; done
begin
members > /dev/null
sleep 2
written 'with the lines of the audit'
end
echo 'level = "error"; debug_modules = ["ratelimit"];' > "$own/logging.inc"
echo "rates { sender = { selector = \"from('smtp'):addr\"; bucket = { burst = 2; rate = \"1 / 1h\"; } } }" > "$own/ratelimit.conf"
begin
members > /dev/null
sleep 2
written 'with debug_modules'
end
