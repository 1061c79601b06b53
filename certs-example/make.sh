#!/bin/sh
# Makes the example certificate again: P-256, valid for about a hundred years, for names and addresses that exist on no public network.
set -eu
cd "$(dirname "$0")/mail.nolog.example"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 36500 \
    -keyout privkey.pem -out fullchain.pem -subj "/CN=mail.nolog.example" \
    -addext "subjectAltName=DNS:mail.nolog.example,DNS:localhost,IP:127.0.0.1,IP:::1" \
    -addext "basicConstraints=critical,CA:FALSE" \
    -addext "keyUsage=critical,digitalSignature" \
    -addext "extendedKeyUsage=serverAuth"
openssl x509 -in fullchain.pem -noout -subject -enddate -fingerprint -sha256
