# The demo and the tests with real servers, by Cargo with the runner RUNNER (NAME=COMMAND): sh run.sh [FILTER ...]
set -eu
export "$RUNNER"
[ $# != 0 ] || set -- interop:: pop3:: sieve:: attack::

# Not run here, and why; `make test` runs them with 2.3.
# pop3::getmail            Debian 13's getmail hangs in every other run: its own child has ended, and it waits for it
# audit::, pool::, quick_ack::, sync::, contact_story::, members_story::     not tried with 2.4
# balancers::, onion::, thunderbird::, webmail*::    HAProxy, nginx, Tor, browsers and PHP are not in that Debian
# whatever is #[ignore]d   it takes minutes

$CARGO run --locked --quiet --bin nologd -- demo --check
if $CARGO nextest --version >/dev/null 2>&1; then
    $CARGO nextest run --locked --no-fail-fast --test real -- "$@" --skip pop3::getmail
else
    $CARGO test --locked --no-fail-fast --test real -- "$@" --skip pop3::getmail
fi
