# SOGo in the folder $1, with the programs below $2: its database on the port $3, a memcached, and nginx in front of it. In a mount and a
# process namespace of its own, in a root where its places are: /etc/sogo, /etc/GNUstep and /usr. `sogo.conf`, `nginx.conf` and `members`
# are in the folder already.
set -eu
folder=$1
root=$2
new=$folder/root
mkdir "$new"
mount -t tmpfs -o mode=755 tmpfs "$new"
cd "$new"
mkdir -p usr etc/sogo etc/nginx dev proc tmp run var/spool/sogo
mount -t overlay overlay -o "lowerdir=$root/usr:/usr" usr
for part in dev proc tmp; do mount --rbind "/$part" "$part"; done
for part in bin sbin lib lib64; do ln -s "usr/$part" "$part"; done
cp -r "$root/etc/GNUstep" etc/
cp /etc/passwd /etc/group /etc/nsswitch.conf /etc/hosts /etc/localtime etc/
cp "$folder/sogo.conf" etc/sogo/
cp /etc/nginx/mime.types etc/nginx/
{
    echo "CREATE TABLE sogo_view (c_uid text, c_name text, c_password text, c_cn text, mail text);"
    while IFS=' ' read -r address password; do
        echo "INSERT INTO sogo_view VALUES ('$address', '$address', '$password', '${address%@*}', '$address');"
    done < "$folder/members"
} > "$folder/members.sql"
mkdir "$folder/home" "$folder/db" "$folder/web"
chown nobody:nogroup "$folder/home" "$folder/web" var/spool/sogo
chown postgres:postgres "$folder/db"
exec chroot "$new" /bin/sh -euc '
    folder=$1; database=$2
    as() { user=$1; shift; setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups env HOME="$folder/home" "$@"; }
    bin=$(echo /usr/lib/postgresql/*/bin)
    as postgres "$bin/initdb" -D "$folder/db/data" -A trust -E UTF8 --locale=C.UTF-8 -N -U sogo > "$folder/initdb"
    as postgres "$bin/postgres" -D "$folder/db/data" -k "$folder/db" -c listen_addresses=127.0.0.1 -p "$database" -c fsync=off &
    until "$bin/pg_isready" -q -h "$folder/db" -p "$database" -U sogo -d postgres; do sleep 0.1; done
    "$bin/createdb" -h "$folder/db" -p "$database" -U sogo sogo
    "$bin/psql" -q -v ON_ERROR_STOP=1 -h "$folder/db" -p "$database" -U sogo -f "$folder/members.sql" sogo
    as nobody memcached -s "$folder/home/memcached" &
    until [ -S "$folder/home/memcached" ]; do sleep 0.1; done
    nginx -p "$folder/web" -c "$folder/nginx.conf" &
    # As Debian starts it, but for the log: docs/admin/servers.md.
    as nobody sogod -WOWorkersCount 3 -WONoDetach YES -WOPidFile "$folder/home/sogo.pid" -WOLogFile /dev/null
' sogo "$folder" "$3"
