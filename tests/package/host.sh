# Inside the fresh root: makes it a host with two members, as a host was before nologd came. Read by `sh -eu -s`.

# What a person changes where a page says `editor`: of the config first its two lines, then what its comments offer.
cat >/usr/local/bin/editor <<'EOF'
#!/bin/sh
set -eu
case $1 in
*/sync.toml) sed -i 's/^from = .*/from = "csv"/; s/^#file = /file = /' "$1" ;;
*) if grep -q '^hostname .*example.org' "$1"; then
        sed -i 's/^hostname .*/hostname = "mail.velo.example"/; s/^default  .*/default = "mail.velo.example"/' "$1"
    else
        awk '
            /^#\[\[listen\]\]/    { held = $0; next }
            held                { open = /"(pop3|sieve|web)"/; print open ? substr(held, 2) : held; held = "" }
            open && /^#[a-z]/   { print substr($0, 2); next }
                                { open = 0 }
            /^#(pop3|sieve) /   { print substr($0, 2); next }
                                { print }' "$1" >/root/edited
        cat /root/edited >"$1"
    fi ;;
esac
EOF
chmod +x /usr/local/bin/editor

# certbot's folders: links in live, files in archive, for root alone.
cd /etc; mkdir letsencrypt; mkdir -m 700 letsencrypt/live letsencrypt/archive; mkdir letsencrypt/live/mail.velo.example letsencrypt/archive/mail.velo.example
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=mail.velo.example \
    -addext subjectAltName=DNS:mail.velo.example -keyout letsencrypt/archive/mail.velo.example/privkey1.pem \
    -out letsencrypt/archive/mail.velo.example/fullchain1.pem 2>/dev/null
for name in privkey fullchain; do ln -s "../../archive/mail.velo.example/${name}1.pem" "letsencrypt/live/mail.velo.example/$name.pem"; done
CERT=/etc/letsencrypt/live/mail.velo.example/fullchain.pem
KEY=/etc/letsencrypt/live/mail.velo.example/privkey.pem

useradd --system --home-dir /srv/mail --shell /usr/sbin/nologin vmail
mkdir -p /srv/mail; chown vmail: /srv/mail
printf 'alice@velo.example:{PLAIN}alice-secret\nbob@velo.example:{PLAIN}bob-secret\n' >/etc/dovecot/members

case $(dovecot --version) in
2.3*) cat >/etc/dovecot/local.conf <<EOF
ssl = required
ssl_cert = <$CERT
ssl_key = <$KEY
mail_location = maildir:/srv/mail/%u
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u /etc/dovecot/members
}
userdb {
  driver = static
  args = uid=vmail gid=vmail home=/srv/mail/%u
}
EOF
    sed -i 's/^!include auth-system/#&/' /etc/dovecot/conf.d/10-auth.conf ;;
*) cat >/etc/dovecot/local.conf <<EOF
ssl = required
ssl_server_cert_file = $CERT
ssl_server_key_file = $KEY
mail_driver = maildir
mail_path = /srv/mail/%{user}
mail_inbox_path =
passdb passwd-file {
  passwd_file_path = /etc/dovecot/members
  default_password_scheme = plain
}
userdb static {
  fields {
    uid = vmail
    gid = vmail
    home = /srv/mail/%{user}
  }
}
protocol lmtp {
  auth_username_format = %{user | lower}
}
EOF
    sed -i 's/^!include auth-system/#&/' /etc/dovecot/conf.d/10-auth.conf ;;
esac
cat >>/etc/dovecot/local.conf <<EOF
service lmtp {
  unix_listener /var/spool/postfix/private/dovecot-lmtp {
    user = postfix
    mode = 0600
  }
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    user = postfix
    mode = 0600
  }
}
EOF

postconf -e myhostname=mail.velo.example mydestination=localhost virtual_mailbox_domains=velo.example \
    'virtual_mailbox_maps=texthash:/etc/postfix/members' virtual_transport=lmtp:unix:private/dovecot-lmtp \
    smtpd_sasl_type=dovecot smtpd_sasl_path=private/auth "smtpd_tls_cert_file=$CERT" "smtpd_tls_key_file=$KEY" alias_maps= alias_database=
printf 'alice@velo.example x\nbob@velo.example x\n' >/etc/postfix/members
postconf -M 'submissions/inet=submissions inet n - y - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject'

# Debian 13 makes the folders at the first start; Dovecot wants to put its sockets there.
postfix check
