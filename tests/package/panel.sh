# Inside the fresh root: makes it a host with a panel of AlternC's kind, as far as mail goes. Read by `sh -eu -s`. All of it is written for this
# test, after the manuals of Dovecot and Postfix: the same places, names and habits, in the form that docs/admin/alternc.md speaks of.

groupadd -g 1998 vmail; useradd --system -u 1998 -g vmail --home-dir /var/mail/alternc --shell /usr/sbin/nologin vmail
mkdir -p /var/mail/alternc /etc/alternc/templates/postfix /etc/alternc/templates/alternc/postfix /etc/alternc/postfix /usr/lib/alternc /run/alternc /etc/cron.d
for letter in a b c d e f g h i j k l m n o p q r s t u v w x y z _; do mkdir "/var/mail/alternc/$letter"; chown vmail: "/var/mail/alternc/$letter"; chmod 775 "/var/mail/alternc/$letter"; done
echo '0 4 * * 0 root /usr/lib/alternc/update_quota_mail.sh -a' >/etc/cron.d/alternc
echo 'FQDN="mail.velo.example"' >/etc/alternc/local.sh
echo mail >/etc/hostname; printf '127.0.0.1 localhost\n127.0.1.1 mail.velo.example mail\n' >/etc/hosts

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=mail.velo.example \
    -addext subjectAltName=DNS:mail.velo.example -keyout /etc/ssl/private/alternc-dovecot.key -out /etc/ssl/certs/alternc-dovecot.pem 2>/dev/null
chgrp ssl-cert /etc/ssl/private/alternc-dovecot.key; chmod 640 /etc/ssl/private/alternc-dovecot.key

# What runs after a login, and notes when it was.
cat >/usr/lib/alternc/after-login <<'EOT'
#!/bin/sh
mariadb alternc -e "UPDATE mailbox m JOIN address a ON a.id = m.address_id JOIN domaines d ON d.id = a.domain_id SET m.lastlogin = now() WHERE concat(a.address, '@', d.domaine) = '$USER'"
exec "$@"
EOT
printf '#!/bin/sh\n{ echo "$*"; cat; } >>/var/lib/list/letters\n' >/usr/lib/alternc/list
chmod +x /usr/lib/alternc/*; mkdir /var/lib/list; chown list: /var/lib/list

cat >/etc/dovecot/alternc-sql.conf <<'EOT'
driver = mysql
connect = host=/run/mysqld/mysqld.sock dbname=alternc user=panel password=panel
default_pass_scheme = MD5
password_query = SELECT v.user, v.password, v.userdb_home, v.userdb_uid, '1998' AS userdb_gid, v.userdb_quota_rule FROM dovecot_view v WHERE v.user = lower('%u')
user_query = SELECT v.userdb_home AS home, v.userdb_uid AS uid, '1998' AS gid, v.userdb_quota_rule AS quota_rule FROM dovecot_view v WHERE v.user = lower('%u')
EOT
cat >/etc/dovecot/alternc-dict-quota.conf <<'EOT'
connect = host=/run/mysqld/mysqld.sock dbname=alternc user=panel password=panel
map {
  pattern = priv/quota/storage
  table = dovecot_quota
  username_field = user
  value_field = quota_dovecot
}
map {
  pattern = priv/quota/messages
  table = dovecot_quota
  username_field = user
  value_field = nb_messages
}
EOT
cat >/etc/dovecot/conf.d/95_alternc.conf <<'EOT'
protocols = imap pop3 sieve
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:~/Maildir
first_valid_uid = 2000
ssl_cert = </etc/ssl/certs/alternc-dovecot.pem
ssl_key = </etc/ssl/private/alternc-dovecot.key
passdb {
  driver = sql
  args = /etc/dovecot/alternc-sql.conf
}
userdb {
  driver = prefetch
}
userdb {
  driver = sql
  args = /etc/dovecot/alternc-sql.conf
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    user = postfix
    mode = 0600
  }
}
service dict {
  unix_listener dict {
    group = vmail
    mode = 0660
  }
}
protocol lda {
  mail_plugins = $mail_plugins quota sieve
}
protocol imap {
  mail_plugins = $mail_plugins quota imap_quota
  mail_max_userip_connections = 500
}
protocol pop3 {
  mail_plugins = $mail_plugins quota
}
service imap {
  executable = imap imap-postlogin
}
service imap-postlogin {
  executable = script-login /usr/lib/alternc/after-login
  unix_listener imap-postlogin {
  }
}
service pop3 {
  executable = /usr/lib/alternc/after-login /usr/lib/dovecot/pop3
}
plugin {
  quota = dict:user::proxy::quotadict
  quota_rule = *:storage=100M
  quota_warning = storage=90%% full %u
  sieve = ~/.dovecot.sieve
  sieve_dir = ~/sieve
}
dict {
  quotadict = mysql:/etc/dovecot/alternc-dict-quota.conf
}
EOT
sed -i 's/^!include auth-system/#&/' /etc/dovecot/conf.d/10-auth.conf

cd /etc/alternc/templates/postfix
map() { printf 'hosts = unix:/run/mysqld/mysqld.sock\nuser = panel\npassword = panel\ndbname = alternc\nquery = %s\n' "$2" >"$1.cf"; }
OF="FROM domaines d JOIN address a ON a.domain_id = d.id JOIN mailbox m ON m.address_id = a.id WHERE concat(a.address, '@', d.domaine) = '%s'"
map myalias "SELECT alias FROM alias_view WHERE mail = '%s'"
map mymail2mail "SELECT concat(a.address, '@', d.domaine) FROM address a JOIN domaines d ON d.id = a.domain_id WHERE a.enabled = 1 AND concat(a.address, '@', d.domaine) = '%s'"
map mydomain "SELECT domaine FROM domaines WHERE domaine = '%s' AND gesmx = 1"
map myvirtual "SELECT concat(path, '/Maildir/') $OF"
map mytransport "SELECT delivery $OF"
# As it was before Postfix 3.4: without `postlog`.
sed '/^postlog/d' /etc/postfix/master.cf >master.cf
cat >>master.cf <<'EOT'
submission inet n - y - - smtpd
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
smtps     inet  n - y - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
dovecot   unix  - n n - 0 pipe
  flags=DRu user=vmail argv=/usr/bin/sudo /usr/lib/dovecot/dovecot-lda -f ${sender} -d ${user}@${nexthop}
mailman   unix  - n n - - pipe
  flags=FR user=list argv=/usr/lib/alternc/list ${nexthop} ${user}
EOT
echo 'vmail ALL = NOPASSWD: /usr/lib/dovecot/dovecot-lda' >/etc/sudoers.d/alternc; chmod 440 /etc/sudoers.d/alternc
cat >../alternc/postfix/postfix.cf <<'EOT'
# read line by line by alternc.install
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_tls_cert_file = /etc/ssl/certs/alternc-dovecot.pem
smtpd_tls_key_file = /etc/ssl/private/alternc-dovecot.key
virtual_alias_maps = proxy:mysql:/etc/postfix/myalias.cf,proxy:mysql:/etc/postfix/mymail2mail.cf
virtual_mailbox_domains = proxy:mysql:/etc/postfix/mydomain.cf
virtual_mailbox_maps = proxy:mysql:/etc/postfix/myvirtual.cf
transport_maps = proxy:mysql:/etc/postfix/mytransport.cf
dovecot_destination_recipient_limit = 1
mailman_destination_recipient_limit = 1
smtpd_recipient_restrictions = permit_sasl_authenticated, reject_unlisted_recipient, reject_unauth_destination
EOT
# In the container everybody is on loopback: the restrictions are to be asked there too.
postconf -e myhostname=mail.velo.example mydestination=localhost mynetworks=[::1]/128 alias_maps= alias_database=

# The habits that matter: files in place of those that somebody changed only with -f, main.cf line by line, and both servers told.
cat >/usr/bin/alternc.install <<'EOT'
#!/bin/bash
kept=/var/lib/alternc-installed.tar
files="etc/postfix/master.cf $(cd /etc/alternc/templates/postfix; for file in my*.cf; do echo "etc/postfix/$file"; done)"
touch /run/alternc/jobs-lock
if [ -e "$kept" ] && [ "${*/-f/}" = "$*" ] && ! tar -df "$kept" -C / >/dev/null 2>&1; then echo "Files were changed:"; tar -df "$kept" -C /; exit 1; fi
for file in $files; do cat "/etc/alternc/templates/${file#etc/}" >"/$file"; done
chown root:postfix /etc/postfix/my*.cf; chmod 640 /etc/postfix/my*.cf
grep -v '^ *#' /etc/alternc/templates/alternc/postfix/postfix.cf | while read line; do postconf -e "$line"; done
tar -cf "$kept" -C / $files
for service in postfix dovecot; do systemctl reload-or-restart $service; done
rm /run/alternc/jobs-lock
EOT
chmod +x /usr/bin/alternc.install

# What a person changes where the page says `editor`: first the three lines and the part for the sync, then the listeners.
cat >/usr/local/bin/editor <<'EOT'
#!/bin/sh
set -eu
if grep -q '^hostname .*example.org' "$1"; then
    sed -i 's/^hostname .*/hostname = "mail.velo.example"/; s/^default  .*/default = "mail.velo.example"/; s|^certificates .*|certificates = "/etc/nologd/certs"|' "$1"
    printf '\n[admin]\ngroup = "mailadmins"\n' >>"$1"
else
    awk '
        /^#\[\[listen\]\]/    { held = $0; next }
        held                { open = /"(imap|submission|pop3|sieve|usage)"/; print open ? substr(held, 2) : held; held = "" }
        open && /^#[a-z]/   { sub(/"mail"/, "\"vmail\""); print substr($0, 2); next }
                            { open = 0 }
        /^#(pop3|sieve) /   { print substr($0, 2); next }
                            { print }' "$1" >/root/edited
    printf '\n[[listen]]\nservice = "pop3"\naddress = "[::]:110"\ntls = "starttls"\n' >>/root/edited
    cat /root/edited >"$1"
fi
EOT
chmod +x /usr/local/bin/editor
