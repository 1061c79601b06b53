//! Panels in real databases.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::databases::Server;
use super::many::walk;
use super::model::{Limit, Model};
use super::panels::{DUMP, expected};
use super::stage::Stage;
use crate::alone::said;

const STEPS: usize = 25;

fn settings(stage: &Stage, server: &Server, panel: &str, more: &str) -> String {
    let text = format!("from = \"{panel}\"\nsocket = \"{}\"\n{more}", server.socket().display());
    format!("--settings {}", stage.write("sync.toml", &text).display())
}

/// Values of an INSERT.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// The grants of the package, with the user of the test in the place of its own.
fn grants(name: &str) -> String {
    let file = format!("{}/policy/backends/panels/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(file).unwrap()
}

#[test]
fn alternc_is_read_with_the_grants_of_the_package_and_no_password() {
    let (stage, mut server) = (Stage::new(), Server::mariadb());
    server.sql("", "CREATE DATABASE alternc");
    server.sql("alternc", DUMP);
    server.sql("", &grants("alternc-grants.sql"));
    // The Unix user of the package is not there: nobody, who also runs the daemon, has its rights. No password, no name in the settings.
    server.sql("", "RENAME USER 'nologd-sync'@'localhost' TO 'nobody'@'localhost'");
    let line = settings(&stage, &server, "alternc", "");
    stage.as_nobody();
    let run = |line: &str| {
        said(nobody(&stage.house.command(Path::new(env!("CARGO_BIN_EXE_nologd")), &stage.line(line))).output().unwrap())
    };
    let done = |line: &str| {
        let said = run(line);
        assert!(said.code == 0 && said.errors.is_empty(), "{} {}{}", said.code, said.out, said.errors);
        said.out
    };
    done(&line);
    assert_eq!(stage.contents(), expected());
    let written = stage.written();
    assert_eq!(done(&line), "");
    assert!(stage.written() == written);
    // What it must not read it cannot read.
    let refused = |text: &str| !server.as_nobody(text);
    assert!(refused("SELECT pass FROM alternc.membres") && refused("SELECT password FROM alternc.address"));
    assert!(
        refused("SELECT * FROM alternc.db")
            && refused("UPDATE alternc.mailbox SET quota = 0")
            && !refused("SELECT quota FROM alternc.mailbox")
    );

    let stops = |change: &str, word: &str, back: &str| {
        server.sql("alternc", change);
        let said = run(&line);
        assert!(said.code == 1 && said.errors.contains(word) && said.out.is_empty(), "{change}: {}{}", said.out, said.errors);
        assert_eq!(stage.contents(), expected(), "{change}");
        server.sql("alternc", back);
        done(&line);
    };
    stops("RENAME TABLE recipient TO r", "`recipient` is not there", "RENAME TABLE r TO recipient");
    stops(
        "ALTER TABLE mailbox RENAME COLUMN address_id TO a",
        "no column `address_id`",
        "ALTER TABLE mailbox RENAME COLUMN a TO address_id",
    );
    stops(
        "CREATE TABLE spare AS SELECT * FROM mailbox; DELETE FROM mailbox",
        "SYNC-HALF",
        "INSERT INTO mailbox SELECT * FROM spare; DROP TABLE spare",
    );
    stops(
        "REVOKE SELECT (id, compte, domaine, gesmx, dns_action) ON alternc.domaines FROM 'nobody'@'localhost'",
        "SYNC-SOURCE",
        "GRANT SELECT (id, compte, domaine, gesmx, dns_action) ON alternc.domaines TO 'nobody'@'localhost'",
    );
    for (more, text) in [("user = \"stranger\"\n", "refuses this user"), ("database = \"alternz\"\n", "refuses this user")] {
        settings(&stage, &server, "alternc", more);
        let said = run(&line);
        settings(&stage, &server, "alternc", "");
        done(&line);
        assert!(said.code == 1 && said.errors.contains(text), "{more}: {}", said.errors);
    }
    server.stop();
    let said = run(&line);
    assert!(said.code == 1 && said.errors.contains("no database answers"), "{}", said.errors);
    assert_eq!(stage.contents(), expected());
}

/// The same command, given by the Unix user nobody.
fn nobody(command: &Command) -> Command {
    let mut other = Command::new("setpriv");
    other.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]).arg(command.get_program()).args(command.get_args());
    other.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    other
}

impl Server {
    fn as_nobody(&self, text: &str) -> bool {
        let mut command = Command::new("mariadb");
        command.arg("--no-defaults").arg(format!("--socket={}", self.socket().display())).args(["--user=nobody", "-e", text]);
        nobody(&command).output().unwrap().status.success()
    }
}

#[test]
fn alternc_after_each_of_some_random_changes() {
    alternc(STEPS);
}

fn alternc(steps: usize) {
    let (stage, server) = (Stage::new(), Server::mariadb());
    server.sql("", "CREATE DATABASE alternc");
    server.sql("alternc", DUMP);
    let line = settings(&stage, &server, "alternc", "");
    walk(
        &stage,
        0x5eed_0002,
        steps,
        &line,
        |_, account| account.into(),
        |_, model| {
            let mut text = "SET FOREIGN_KEY_CHECKS = 0; BEGIN; DELETE FROM recipient; DELETE FROM mailbox; DELETE FROM address; DELETE FROM domaines; \
                        DELETE FROM membres;\n"
            .to_owned();
            let mut id = 0;
            for (number, account) in super::model::ACCOUNTS.iter().enumerate() {
                let _ = writeln!(
                    text,
                    "INSERT INTO membres (uid, login, pass, mail, notes) VALUES ({}, '{account}', 'x', '', '');",
                    2000 + number
                );
            }
            for (number, (domain, there)) in (1..).zip(&model.domains) {
                let account = super::model::ACCOUNTS.iter().position(|account| *account == there.account).unwrap();
                let _ = writeln!(
                    text,
                    "INSERT INTO domaines (id, compte, domaine, gesmx) VALUES ({number}, {}, '{domain}', 1);",
                    2000 + account
                );
                for (local, mailbox) in &there.mailboxes {
                    id += 1;
                    let quota = match mailbox.limit {
                        Limit::Default => "NULL".to_owned(),
                        Limit::None => "0".to_owned(),
                        Limit::Mib(mib) => mib.to_string(),
                    };
                    let _ = writeln!(
                        text,
                        "INSERT INTO address (id, domain_id, address, type, enabled) VALUES ({id}, {number}, {}, '', {});\
                     INSERT INTO mailbox (address_id, path, quota, delivery) VALUES ({id}, 'x', {quota}, 'dovecot');",
                        quoted(local),
                        u8::from(mailbox.on)
                    );
                }
                for (local, targets) in &there.aliases {
                    id += 1;
                    let _ = writeln!(
                        text,
                        "INSERT INTO address (id, domain_id, address, type, enabled) VALUES ({id}, {number}, {}, '', 1);\
                     INSERT INTO recipient (address_id, recipients) VALUES ({id}, {});",
                        quoted(local),
                        quoted(&targets.join("\n"))
                    );
                }
            }
            server.sql("alternc", &format!("{text}COMMIT;"));
        },
    );
}

const POSTFIXADMIN: &str = "CREATE TABLE domain (domain varchar(255) PRIMARY KEY, description varchar(255) DEFAULT '', aliases int DEFAULT 0, \
    mailboxes int DEFAULT 0, maxquota bigint DEFAULT 0, quota bigint DEFAULT 0, transport varchar(255), backupmx @BOOL@ DEFAULT @NO@, active @BOOL@ DEFAULT @YES@);\
    CREATE TABLE mailbox (username varchar(255) PRIMARY KEY, password varchar(255) DEFAULT 'x', name varchar(255) DEFAULT '', quota bigint DEFAULT 0, \
    local_part varchar(255) DEFAULT '', domain varchar(255), active @BOOL@ DEFAULT @YES@);\
    CREATE TABLE alias (address varchar(255) PRIMARY KEY, goto text, domain varchar(255), active @BOOL@ DEFAULT @YES@);\
    CREATE TABLE alias_domain (alias_domain varchar(255) PRIMARY KEY, target_domain varchar(255), active @BOOL@ DEFAULT @YES@);\
    CREATE TABLE domain_admins (username varchar(255), domain varchar(255), active @BOOL@ DEFAULT @YES@);";

fn postfixadmin(server: &Server, database: &str, is_postgres: bool) {
    let (kind, yes, no) = if is_postgres { ("boolean", "true", "false") } else { ("tinyint(1)", "1", "0") };
    server.sql(database, &POSTFIXADMIN.replace("@BOOL@", kind).replace("@YES@", yes).replace("@NO@", no));
}

fn store_postfixadmin(server: &Server, database: &str, model: &Model) {
    let mut text = "BEGIN; DELETE FROM domain; DELETE FROM mailbox; DELETE FROM alias; DELETE FROM domain_admins;\n\
                    INSERT INTO domain (domain) VALUES ('ALL'); INSERT INTO domain_admins (username, domain) VALUES ('root@x.example', 'ALL');\n"
        .to_owned();
    let yes = |on: bool| if on { "'1'" } else { "'0'" };
    for (domain, there) in &model.domains {
        let _ = writeln!(
            text,
            "INSERT INTO domain (domain) VALUES ('{domain}'); INSERT INTO domain_admins (username, domain) VALUES ('{}@x.example', '{domain}');",
            there.account
        );
        for (local, mailbox) in &there.mailboxes {
            let quota = match mailbox.limit {
                Limit::Default => "NULL".to_owned(),
                Limit::None => "0".to_owned(),
                Limit::Mib(mib) => (mib << 20).to_string(),
            };
            // As PostfixAdmin does: each mailbox is an alias to itself.
            let _ = writeln!(
                text,
                "INSERT INTO mailbox (username, domain, quota, active) VALUES ('{local}@{domain}', '{domain}', {quota}, {});\
                 INSERT INTO alias (address, goto, domain) VALUES ('{local}@{domain}', '{local}@{domain}', '{domain}');",
                yes(mailbox.on)
            );
        }
        for (local, targets) in &there.aliases {
            let _ = writeln!(
                text,
                "INSERT INTO alias (address, goto, domain) VALUES ('{local}@{domain}', '{}', '{domain}');",
                targets.join(",")
            );
        }
    }
    server.sql(database, &format!("{text}COMMIT;"));
}

#[test]
fn postfixadmin_on_postgresql_after_each_of_some_random_changes() {
    postfixadmin_walk(STEPS);
}

fn postfixadmin_walk(steps: usize) {
    let (stage, server) = (Stage::new(), Server::postgresql());
    server.sql("", "CREATE DATABASE postfixadmin");
    postfixadmin(&server, "postfixadmin", true);
    let line = settings(&stage, &server, "postfixadmin", "engine = \"postgresql\"\n");
    let name = |_: &str, account: &str| format!("{account}_at_x.example");
    walk(&stage, 0x5eed_0003, steps, &line, name, |_, model| store_postfixadmin(&server, "postfixadmin", model));
    // One forward of ten megabytes: the server hands out the beginning of it.
    server.sql(
        "postfixadmin",
        "INSERT INTO alias (address, goto, domain) SELECT 'big@' || min(domain), repeat('someone@elsewhere.example,', 400000), min(domain) \
         FROM domain WHERE domain <> 'ALL'",
    );
    let said = stage.sync(&line);
    assert_eq!((said.code, said.errors.as_str()), (1, ""), "{}", said.out);
    assert!(said.out.starts_with("SYNC-ROWS alias: 1 rows are more than one account or one alias may have"), "{}", said.out);
    server.sql("postfixadmin", "DELETE FROM alias WHERE address LIKE 'big@%'");
    // The grants of the package are ones that the server understands.
    server.sql("postfixadmin", &grants("postfixadmin-grants-postgresql.sql"));
    assert_eq!(stage.done(&line), "");
}

#[test]
fn postfixadmin_units_domains_and_pseudo_rows() {
    let (stage, server) = (Stage::new(), Server::mariadb());
    server.sql("", "CREATE DATABASE postfixadmin");
    postfixadmin(&server, "postfixadmin", false);
    server.sql("", &grants("postfixadmin-grants-mariadb.sql"));
    server.sql(
        "postfixadmin",
        "INSERT INTO domain (domain, quota, backupmx, active) VALUES ('ALL', 0, 0, 1), ('velo.example', 2048, 0, 1), ('second.example', 0, 1, 1), \
         ('off.example', -1, 0, 0), ('v.example', 0, 0, 1);\
         INSERT INTO domain_admins (username, domain) VALUES ('b@x.example', 'velo.example'), ('a@x.example', 'Velo.example'), ('odd/name', 'off.example');\
         INSERT INTO mailbox (username, domain, quota) VALUES ('alice@velo.example', 'velo.example', 1024000), ('bob@velo.example', 'velo.example', 0), \
         ('carl@velo.example', 'velo.example', -1), ('dora@velo.example', 'velo.example', -7), ('eve@off.example', 'off.example', 5), ('no address', 'velo.example', 5);\
         INSERT INTO alias (address, goto, domain) VALUES ('@velo.example', 'alice@velo.example', 'velo.example'), ('info@velo.example', 'alice@velo.example, bob@v.example', 'velo.example');\
         INSERT INTO alias_domain (alias_domain, target_domain) VALUES ('v.example', 'velo.example'), ('w.example', 'nowhere.example');",
    );
    let line = settings(&stage, &server, "postfixadmin", "");
    let said = stage.sync(&line);
    assert_eq!(said.code, 1, "{}", said.errors);
    for text in [
        "mailbox: 1 rows are no addresses",
        "mailbox: 1 rows have a limit",
        "alias domains: 1 rows belong to rows that are not there",
    ] {
        assert!(said.out.contains(text), "{}", said.out);
    }
    let now = stage.contents();
    let domains: Vec<_> = now.domains.iter().map(|(domain, name)| format!("{domain} {name}")).collect();
    assert_eq!(domains, ["off.example off.example", "velo.example a_at_x.example"]);
    assert_eq!(now.standing.into_iter().collect::<Vec<_>>(), [("v.example".to_owned(), "velo.example".to_owned())]);
    let limits: Vec<_> = now.mailboxes.iter().map(|(address, limit)| format!("{address} {limit}")).collect();
    assert_eq!(
        limits,
        [
            "alice@velo.example 1024000",
            "bob@velo.example none",
            "carl@velo.example none",
            "dora@velo.example default",
            "eve@off.example 5"
        ]
    );
    assert_eq!(now.aliases["info@velo.example"], ["alice@velo.example", "bob@velo.example"]);
    let storage = stage.house.json("association show a_at_x.example")["association"]["settings"]["storage"].clone();
    assert_eq!(storage, 2048 * 1_024_000);
    // mailcow: the same tables, other units, and rooms.
    server.sql("postfixadmin", "ALTER TABLE mailbox ADD COLUMN kind varchar(100) NOT NULL DEFAULT ''; UPDATE mailbox SET kind = 'location' WHERE username LIKE 'bob%'");
    let cow = Stage::new();
    cow.sync(&settings(&cow, &server, "mailcow", "database = \"postfixadmin\"\n"));
    assert!(!cow.contents().mailboxes.contains_key("bob@velo.example") && cow.contents().mailboxes.len() == 4);
    let storage = cow.house.json("association show a_at_x.example")["association"]["settings"]["storage"].clone();
    assert_eq!(storage, 2048_u64 << 20);
}

#[test]
fn modoboa_on_postgresql_after_each_of_some_random_changes() {
    modoboa(STEPS);
}

fn modoboa(steps: usize) {
    let (stage, server) = (Stage::new(), Server::postgresql());
    server.sql("", "CREATE DATABASE modoboa");
    server.sql(
        "modoboa",
        "CREATE TABLE admin_domain (id int PRIMARY KEY, name varchar(100), quota int DEFAULT 0, default_mailbox_quota int DEFAULT 0, enabled boolean DEFAULT true, type varchar(20) DEFAULT 'domain');\
         CREATE TABLE admin_mailbox (id serial PRIMARY KEY, address varchar(252), quota int, use_domain_quota boolean DEFAULT false, domain_id int, user_id int DEFAULT 0);\
         CREATE TABLE admin_alias (id int PRIMARY KEY, address varchar(254), domain_id int, enabled boolean DEFAULT true, internal boolean DEFAULT false);\
         CREATE TABLE admin_aliasrecipient (id serial PRIMARY KEY, address varchar(254), alias_id int);\
         CREATE TABLE admin_domainalias (id serial PRIMARY KEY, name varchar(100), target_id int, enabled boolean DEFAULT true);",
    );
    server.sql("modoboa", &grants("modoboa-grants-postgresql.sql"));
    let line = settings(&stage, &server, "modoboa", "engine = \"postgresql\"\n");
    // Its tables know no account: each domain is one, unless a file says otherwise.
    let map = stage.path("map.csv");
    let line = format!("{line} --map {}", map.display());
    walk(
        &stage,
        0x5eed_0004,
        steps,
        &line,
        |_, account| account.into(),
        |_, model| {
            let mut text = "BEGIN; DELETE FROM admin_domain; DELETE FROM admin_mailbox; DELETE FROM admin_alias; DELETE FROM admin_aliasrecipient;\n\
                        INSERT INTO admin_domain (id, name, type) VALUES (99, 'relay.example', 'relaydomain');\n"
            .to_owned();
            let (mut groups, mut id) = (String::new(), 0);
            for (number, (domain, there)) in (1..).zip(&model.domains) {
                let _ = writeln!(groups, "{domain};{}", there.account);
                let _ = writeln!(
                    text,
                    "INSERT INTO admin_domain (id, name, default_mailbox_quota) VALUES ({number}, '{domain}', 300);"
                );
                for (local, mailbox) in &there.mailboxes {
                    let (quota, of_domain) = match mailbox.limit {
                        Limit::Default => ("NULL".to_owned(), false),
                        Limit::None => ("0".to_owned(), false),
                        Limit::Mib(300) => ("7".to_owned(), true),
                        Limit::Mib(mib) => (mib.to_string(), false),
                    };
                    let _ = writeln!(
                        text,
                        "INSERT INTO admin_mailbox (address, quota, use_domain_quota, domain_id) VALUES ('{local}', {quota}, {of_domain}, {number});"
                    );
                    id += 1;
                    let _ = writeln!(
                        text,
                        "INSERT INTO admin_alias (id, address, internal) VALUES ({id}, '{local}@{domain}', true);"
                    );
                }
                for (local, targets) in &there.aliases {
                    id += 1;
                    let _ = writeln!(text, "INSERT INTO admin_alias (id, address) VALUES ({id}, '{local}@{domain}');");
                    for target in targets {
                        let _ = writeln!(text, "INSERT INTO admin_aliasrecipient (address, alias_id) VALUES ('{target}', {id});");
                    }
                }
            }
            fs::write(&map, groups).unwrap();
            server.sql("modoboa", &format!("{text}COMMIT;"));
        },
    );
}

/// `make long LONG=200_random_changes`: minutes.
#[test]
#[ignore = "make long"]
fn after_each_of_200_random_changes_in_each_panel_the_book_is_what_a_fresh_import_is() {
    alternc(200);
    postfixadmin_walk(200);
    modoboa(200);
}
