#!/bin/sh
# Fuzzes each target for so many seconds, or only those that are named: `sh fuzz/run.sh 60 imap_session sasl`. Says how many inputs
# were run and how much of the code they reach. It begins with the kept inputs and the test cases, and keeps what it finds in
# target/fuzz. What breaks a rule is in fuzz/artifacts: put it into fuzz/corpus/TARGET under a name that says what it was.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-20}
[ $# -eq 0 ] || shift
cargo=${CARGO:-cargo}
work=target/fuzz
mkdir -p "$work"
SEEDS=$PWD/$work/seeds $cargo test --locked --quiet --test plain -- --quiet --ignored --exact corpus::write_seeds >"$work/seeds.log" 2>&1 ||
    { cat "$work/seeds.log"; exit 1; }
# Without a sanitizer (the code has no `unsafe`), so the stable compiler does.
$cargo fuzz build -s none
[ $# -gt 0 ] || set -- $(basename -s .rs fuzz/fuzz_targets/*.rs)
total=0
for name; do
    mkdir -p "$work/found/$name" "$work/seeds/$name"
    log=$work/$name.log
    failed=0
    $cargo fuzz run -s none "$name" "$work/found/$name" "fuzz/corpus/$name" "$work/seeds/$name" -- \
        -dict="fuzz/dictionaries/${name%%_*}.dict" -max_total_time="$seconds" -print_final_stats=1 >"$log" 2>&1 || failed=$?
    inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    total=$((total + ${inputs:-0}))
    reached=$(sed -n 's/.* cov: \([0-9]*\) ft: \([0-9]*\) .*/\1 places, \2 ways there/p' "$log" | tail -n 1)
    printf '%-20s %11s inputs   %s\n' "$name" "${inputs:-?}" "${reached:-coverage unknown}"
    if [ "$failed" -ne 0 ]; then
        tail -n 40 "$log"
        exit 1
    fi
done
echo "$total inputs in all, no rule broken"
