#!/bin/sh
# Builds the package into a folder: sh debian/build.sh OUT [VERSION]. With a VERSION, as if the changelog had one entry more.
#
# debhelper, and not a plugin of cargo: it makes the maintainer scripts for units and sysusers as Debian's own packages have them, the
# same on 12 and 13, lintian knows them, and nothing has to be fetched to run it. What cargo does comes first, outside: neither release
# has the compiler. The tree is not touched: everything happens in a copy.
set -eu

OUT=$(mkdir -p "$1" && cd "$1" && pwd)
VERSION=${2:-}
CARGO=${CARGO:-cargo}
TARGET=${CARGO_TARGET_DIR:-target}
cd "$(dirname "$0")/.."

$CARGO build --release --locked --bin nologd
rm -rf "$OUT/stage"
mkdir -p "$OUT/stage/policy"
$CARGO run --quiet --locked --example papers -- "$OUT/stage/papers"

cp "$TARGET/release/nologd" README.md README.fr.md SECURITY.md CHANGELOG.md "$OUT/stage"
cp -r docs "$OUT/stage"
cp -r policy/backends policy/*.toml "$OUT/stage/policy"
cp -r debian "$OUT/stage/debian"
# The unit is the same for those who install by hand.
cp policy/backends/nologd.service "$OUT/stage/debian/nologd.service"
for unit in service timer; do
    cp "policy/backends/panels/nologd-sync.$unit" "$OUT/stage/debian/nologd.nologd-sync.$unit"
done
cp policy/backends/nologd-share-count.service "$OUT/stage/debian/nologd.nologd-share-count.service"
cp policy/backends/panels/sync.toml "$OUT/stage/debian/sync.toml"
cd "$OUT/stage"
if [ -n "$VERSION" ]; then
    { printf 'nologd (%s) unstable; urgency=medium\n\n  * Built to be tried.\n\n' "$VERSION"
      printf ' -- The nologd project <nologd@nologd.example>  Thu, 26 Nov 2026 12:00:00 +0000\n\n'
      cat debian/changelog; } >debian/changelog.new
    mv debian/changelog.new debian/changelog
fi
dpkg-buildpackage --build=binary --no-sign >"$OUT/build.log" 2>&1 || { cat "$OUT/build.log"; exit 1; }
rm -rf "$OUT/stage"
