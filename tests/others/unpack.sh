# Unpacks Cyrus, Courier, SOGo and rspamd (with Redis), as Debian 12 packs them, and the libraries that they need and this machine lacks, below the folder $1.
# Nothing is installed: packages of the first two would remove Dovecot's, and what runs once does not stay on the machine.
set -eu
folder=$1
packages="cyrus-common cyrus-imapd cyrus-pop3d sasl2-bin
          courier-base courier-imap courier-pop courier-authlib courier-authlib-userdb courier-authdaemon gamin libgamin0
          sogo sogo-common gnustep-common gnustep-base-common gnustep-base-runtime memcached
          rspamd redis-server redis-tools"
installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

sum=$(cksum < "$0")
if [ "$(cat "$folder/done" 2>/dev/null)" = "$sum" ]; then cat "$folder/versions"; exit 0; fi
rm -rf "$folder"
mkdir -p "$folder/packages" "$folder/root"
cd "$folder/packages"
wanted=$packages
unpacked=
while [ -n "$wanted" ]; do
    apt-get -qq download $wanted 2>/dev/null || { ${SUDO:-} apt-get -qq update && apt-get -qq download $wanted; }
    unpacked="$unpacked $wanted"
    missing=
    for library in $(apt-cache depends --important $wanted | sed -n 's/^ *|\{0,1\}Depends: \(lib[^ <>]*\)$/\1/p' | sort -u); do
        case " $(echo $unpacked) " in *" $library "*) continue ;; esac
        # Another one may stand in for it: what is really missing is seen below.
        installed "$library" || missing="$missing $library"
    done
    wanted=$missing
done
for package in *.deb; do
    dpkg-deb -x "$package" ../root
    echo "$(dpkg-deb -f "$package" Package) $(dpkg-deb -f "$package" Version)"
done > ../versions
cd ..
rm -rf packages
root=$PWD/root
echo "$root/usr/lib$(printf ':%s' "$root"/usr/lib/*-linux-gnu "$root"/lib/*-linux-gnu "$root/usr/lib/courier-authlib" "$root/usr/lib/sogo" "$root/usr/lib/rspamd")" > libraries
lacking=$(find root/usr/lib/cyrus/bin root/usr/lib/courier root/usr/bin/imapd root/usr/bin/rspamd root/usr/bin/redis-check-rdb root/usr/sbin -type f |
          LD_LIBRARY_PATH=$(cat libraries) xargs ldd 2>/dev/null | sed -n 's/^[[:space:]]*\(.*\) => not found/\1/p' | sort -u)
[ -z "$lacking" ] || { echo "These libraries are in no package that was found:" $lacking; exit 1; }
cat versions
echo "$sum" > done
