# The two commands to know: `make demo` and `make test`. Both install the Debian packages they miss, and say which.
#
#   make demo             a running nologd in front of a real Dovecot, until Ctrl-C
#   make demo WEBMAIL=1   the same with a Roundcube in front of it
#   make demo NODES=3     three nologd that all take clients, with etcd: how to kill one, and see it go on; CHECK=1 does that, and ends
#   make demo CHECK=1     sends one letter through it, shows the header before and after, and ends
#   make test             everything that CI runs
#   make deb              the Debian package, in target/deb, looked at by lintian
#   make test-package     the package in containers with systemd, on Debian 12 and 13; as root. RELEASES=bookworm for one of them;
#                         on Debian 12 also the page about AlternC, forward and back, on a host set up as such a panel does it;
#                         OLDER=COMMIT also upgrades from the package of then, and goes down to it again
#   make bench            nologd next to nginx, Dovecot and imapproxy; as root, about an hour
#   make bench ROWS="login click"    only these rows; `make bench ROWS=--help` lists them
#   make bench-quick      under four minutes: which ratio moved by more than a tenth since the kept run
#   make bench WRITE=1    also writes the figures into benches/RESULTS.md and README.md
#   make fuzz [TIME=20]   each fuzz target for TIME seconds, or those of TARGETS="sasl config"; says how many inputs were run
#   make attack           200,000 commands of random IMAP against a real Dovecot; again with SEED=the one that it printed
#   make walk             40 clients over 70 mailboxes: MINUTES=20, PUSH=1 with Dovecot's pushes of usage, PUSH=0 without
#   make faults           three nodes with etcd and Dovecot, in network namespaces, and faults at random: MINUTES=20, SEED=1; as root
#   make long             every other test that takes minutes or tells figures, in a release build; as root. LONG=a_big_host for some of them
#   make test-trixie      the demo and the tests with real servers in a Debian 13, so with Dovecot 2.4; as root
#   make test-others      other servers: Cyrus and Courier behind nologd, SOGo in front of it, and rspamd; unpacked below target/others and never installed
#   make imaptest IMAPTEST=PROGRAM   imaptest in turns direct and through nologd, behind Cyrus and Dovecot; as root, some seven minutes
#   make fmt              formats the sources

CARGO ?= cargo
TIME  ?= 20
CHECK ?=
WEBMAIL ?=
NODES ?=
ROWS  ?=
TARGETS ?=
WRITE ?=
SEED  ?=
COUNT ?= 200000
MINUTES ?= 20
PUSH  ?= 1
RELEASES ?= bookworm trixie
OLDER ?=
IMAPTEST ?=
LONG  ?=

DEMO_PACKAGES  = gcc libc6-dev dovecot-imapd dovecot-lmtpd
WEBMAIL_PACKAGES = roundcube-core roundcube-sqlite3 php-cli
TEST_PACKAGES  = $(DEMO_PACKAGES) dovecot-pop3d dovecot-managesieved sieve-connect mpop fetchmail getmail6 $(WEBMAIL_PACKAGES) roundcube-plugins chromium chromium-driver thunderbird postfix swaks msmtp isync mutt curl openssl gnupg \
                 mariadb-server postgresql python3 libnet-ssleay-perl libio-socket-ssl-perl strace nginx libnginx-mod-mail libnginx-mod-stream apache2 haproxy tor rsyslog systemd-journal-remote \
                 keepalived etcd-server nftables openssh-client openssh-server iproute2 procps $(if $(shell command -v npm),,npm)
# What the tests of `make test-trixie` run there; the same is on this machine for `make test`.
TRIXIE_PACKAGES = ca-certificates,procps,iproute2,python3,openssl,curl,gnupg,dovecot-imapd,dovecot-lmtpd,dovecot-pop3d,dovecot-managesieved,postfix,swaks,msmtp,isync,mutt,mpop,fetchmail,getmail6,sieve-connect,libnet-ssleay-perl,libio-socket-ssl-perl
DEB_PACKAGES   = gcc libc6-dev debhelper lintian
BENCH_PACKAGES = gcc libc6-dev openssl nginx libnginx-mod-mail dovecot-imapd dovecot-lmtpd dovecot-submissiond dovecot-pop3d dovecot-managesieved imapproxy haproxy etcd-server $(WEBMAIL_PACKAGES) chromium chromium-driver python3

# The tests start a real Postfix, which only root can: the test programs run under sudo where make does not.
SUDO   = $(shell [ "$$(id -u)" = 0 ] || echo sudo)
TRIPLE = $(shell rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
AS_ROOT = $(if $(SUDO),CARGO_TARGET_$(TRIPLE)_RUNNER="sudo -E")

.PHONY: demo test deb test-package bench bench-quick fuzz attack walk faults long test-trixie test-others imaptest fmt packages axe

demo: PACKAGES = $(DEMO_PACKAGES) $(if $(WEBMAIL),$(WEBMAIL_PACKAGES)) $(if $(NODES),etcd-server openssl)
demo: packages
	$(CARGO) build --release --locked --bin nologd
	$(CARGO) run --release --locked --quiet --bin nologd -- demo $(if $(CHECK),--check) $(if $(WEBMAIL),--webmail) $(if $(NODES),--nodes $(NODES))

# Whoever reads the source reads what is private too: links may lead there, and nowhere else.
RUSTDOC = -D warnings -A rustdoc::private_intra_doc_links

# From quick to slow. The demo runs from the same build as the tests; the test runner has the last word.
test: PACKAGES = $(TEST_PACKAGES)
test: packages axe
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked -- -D warnings # the program without what is for tests alone
	RUSTDOCFLAGS="$(RUSTDOC)" $(CARGO) doc --locked --quiet --no-deps --document-private-items
	@if ! $(CARGO) deny --version >/dev/null 2>&1; then \
	     echo "cargo-deny is not installed: licences and advisories are not checked (cargo install cargo-deny)"; \
	 elif $(CARGO) deny fetch db >/dev/null 2>&1; then $(CARGO) deny check; \
	 else echo "The advisories cannot be fetched: not checked."; $(CARGO) deny check bans licenses sources; fi
	$(CARGO) run --locked --quiet --bin nologd -- demo --check --webmail
	$(CARGO) run --locked --quiet --bin nologd -- demo --check --nodes 3
	$(CARGO) test --locked --quiet --doc
	@without=; [ -e $(AXE_FILE) ] || without=axe_core_looks_at_the_pages; \
	 if $(CARGO) nextest --version >/dev/null 2>&1; then \
	     echo "$(CARGO) nextest run"; \
	     $(AS_ROOT) $(CARGO) nextest run --locked --no-fail-fast $${without:+-E "not test($$without)"}; \
	 else \
	     echo "$(CARGO) test"; $(AS_ROOT) $(CARGO) test --locked --no-fail-fast --lib --bins --tests $${without:+-- --skip $$without}; \
	 fi

# By which the pages are looked at in a browser, for people who read in other ways. Without it one test is skipped by its name.
AXE = 4.14.1
AXE_FILE = target/axe/package/axe.min.js
axe:
	@if [ ! -e $(AXE_FILE) ]; then \
	     mkdir -p target/axe && cd target/axe && npm pack --silent axe-core@$(AXE) && tar xzf axe-core-$(AXE).tgz package/axe.min.js \
	      || echo "axe-core cannot be fetched (npm): whether the pages are accessible is not checked, and axe_core_looks_at_the_pages is skipped"; fi

deb: PACKAGES = $(DEB_PACKAGES)
deb: packages
	rm -f target/deb/nologd_*
	CARGO="$(CARGO)" sh debian/build.sh target/deb
	lintian --fail-on error target/deb/nologd_*.changes
	@ls target/deb/nologd_*.deb

# Twice, in two versions: the second one is what the first is upgraded to.
test-package: PACKAGES = $(DEB_PACKAGES) mmdebstrap systemd-container
test-package: packages
	rm -rf target/test-package/old target/test-package/new
	CARGO="$(CARGO)" sh debian/build.sh target/test-package/old
	CARGO="$(CARGO)" sh debian/build.sh target/test-package/new "$$(dpkg-parsechangelog -l debian/changelog -S Version)+next"
	lintian --fail-on error target/test-package/old/nologd_*.changes
	$(if $(OLDER),rm -rf target/test-package/older target/test-package/older-tree && mkdir -p target/test-package/older-tree && \
	    git archive $(OLDER) | tar -x -C target/test-package/older-tree && \
	    CARGO="$(CARGO)" CARGO_TARGET_DIR="$(abspath target/test-package/older-build)" sh target/test-package/older-tree/debian/build.sh \
	        "$(abspath target/test-package/older)" "$$(dpkg-parsechangelog -l debian/changelog -S Version)~older")
	$(SUDO) env OLDER="$(if $(OLDER),$$(echo target/test-package/older/nologd_*.deb))" bash tests/package/run.sh target/test-package/old/nologd_*.deb target/test-package/new/nologd_*.deb \
	    target/test-package/roots $(RELEASES)
	$(if $(filter bookworm,$(RELEASES)),$(SUDO) bash tests/package/alternc.sh target/test-package/new/nologd_*.deb target/test-package/alternc)

bench: PACKAGES = $(BENCH_PACKAGES)
bench: packages
	$(AS_ROOT) $(CARGO) bench --locked --bench side_by_side -- $(ROWS) $(if $(WRITE),--write)

bench-quick: PACKAGES = $(BENCH_PACKAGES)
bench-quick: packages
	$(AS_ROOT) $(CARGO) bench --locked --bench side_by_side -- --quick

fuzz:
	@$(CARGO) fuzz --version >/dev/null 2>&1 || { echo "cargo-fuzz is not installed: cargo install cargo-fuzz"; exit 1; }
	@CARGO="$(CARGO)" sh fuzz/run.sh $(TIME) $(TARGETS)

attack: PACKAGES = $(DEMO_PACKAGES)
attack: packages
	$(if $(SEED),ATTACK_SEED=$(SEED)) ATTACK_COUNT=$(COUNT) $(AS_ROOT) $(CARGO) test --locked --test real -- \
	    --ignored --exact --nocapture attack::random_imap_for_long

walk: PACKAGES = $(DEMO_PACKAGES) dovecot-pop3d
walk: packages
	WALK_MINUTES=$(MINUTES) WALK_PUSH=$(PUSH) $(AS_ROOT) $(CARGO) test --locked --test real -- \
	    --ignored --exact --nocapture attack::walk_for_long

faults: PACKAGES = $(DEMO_PACKAGES) etcd-server iproute2 nftables openssl python3
faults: packages
	$(if $(SEED),FAULTS_SEED=$(SEED)) FAULTS_MINUTES=$(MINUTES) $(AS_ROOT) $(CARGO) test --locked --test real -- \
	    --ignored --exact --nocapture many_faults::for_long

# All that no other target runs: a test that is ignored from now on is among them by itself.
long: PACKAGES = $(TEST_PACKAGES)
long: packages
	$(AS_ROOT) $(CARGO) test --locked --release --no-fail-fast --lib --test plain --test real --test kernel $(LONG) -- --ignored --nocapture --test-threads=1 \
	    --skip attack::random_imap_for_long --skip attack::walk_for_long --skip corpus::write_seeds --skip many_faults::for_long --skip others::

# What is built here runs there: in namespaces of its own, with the sources and the target folder read-only.
TRIXIE = $(CURDIR)/target/trixie/root
test-trixie: PACKAGES = gcc libc6-dev mmdebstrap iproute2
test-trixie: packages
	$(SUDO) sh tests/trixie/root.sh "$(TRIXIE)" "$(TRIXIE_PACKAGES)"
	CARGO="$(CARGO)" RUNNER=CARGO_TARGET_$(TRIPLE)_RUNNER="$(SUDO) sh $(CURDIR)/tests/trixie/inside.sh $(TRIXIE)" sh tests/trixie/run.sh

# Packages of two of them would remove Dovecot's.
test-others: PACKAGES = gcc g++ pkg-config libkf5ksieve-dev iproute2 libc6-dev libsasl2-2 libsasl2-modules-db openssl mpop curl dovecot-imapd dovecot-lmtpd postfix nginx postgresql chromium chromium-driver python3
test-others: packages
	@SUDO="$(SUDO)" sh tests/others/unpack.sh target/others
	$(AS_ROOT) $(CARGO) test --locked --test real -- --ignored others:: --skip others::imaptest::

# The release build is measured; IMAPTEST names the program.
imaptest: PACKAGES = dovecot-imapd dovecot-lmtpd libsasl2-2 libsasl2-modules-db
imaptest: packages
	@SUDO="$(SUDO)" sh tests/others/unpack.sh target/others
	$(CARGO) build --locked --release --bin nologd
	$(AS_ROOT) env NOLOGD="$(CURDIR)/target/release/nologd" IMAPTEST="$(IMAPTEST)" $(CARGO) test --locked --test real -- \
	    --ignored --nocapture --test-threads=1 others::imaptest

fmt:
	$(CARGO) fmt

# "Local only": the Postfix service that Debian starts by itself then listens on loopback alone. We start our own. Roundcube comes
# without a database of its own and without a web server.
packages:
	@missing=; \
	for package in $(PACKAGES); do \
	    dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	[ -z "$$missing" ] && exit 0; \
	echo "Missing Debian packages, installing them now:$$missing"; \
	command -v apt-get >/dev/null || { echo "This is no Debian machine: install them by hand, then try again."; exit 1; }; \
	[ -z "$(SUDO)" ] || command -v sudo >/dev/null || { echo "As root, run: apt-get install$$missing"; exit 1; }; \
	{ echo "postfix postfix/main_mailer_type select Local only"; \
	  echo "roundcube-core roundcube/dbconfig-install boolean false"; } | $(SUDO) debconf-set-selections; \
	$(SUDO) apt-get -qq update && \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $$missing && \
	echo "Installed. The services that Debian starts for them are not used here; to stop them: systemctl disable --now dovecot postfix nginx rsyslog etcd"
