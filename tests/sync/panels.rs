//! Panels in files: dumps of AlternC, and names that somebody hostile chose.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::stage::{Contents, Stage};

pub const DUMP: &str = include_str!("alternc.sql");

/// What the book must be after an import of the dump: of what the panel has, what a book holds.
pub fn expected() -> Contents {
    let whole: Value = serde_json::from_str(include_str!("alternc.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = |value: &Value| value.as_array().unwrap().clone();
    let mut found = Contents::default();
    for tenant in list(&whole["tenants"]) {
        for domain in list(&tenant["domains"]) {
            found.domains.insert(text(&domain), text(&tenant["login"]));
        }
        for alias in list(&tenant["domain_aliases"]) {
            found.standing.insert(text(&alias["domain"]), text(&alias["target"]));
        }
        let mut own = BTreeSet::new();
        for mailbox in list(&tenant["mailboxes"]) {
            let limit = match mailbox["quota_kind"].as_str().unwrap() {
                "default" => "default".to_owned(),
                "unlimited" => "none".to_owned(),
                _ => mailbox["quota_bytes"].to_string(),
            };
            own.insert(text(&mailbox["address"]));
            found.mailboxes.insert(text(&mailbox["address"]), limit);
        }
        for alias in list(&tenant["aliases"]).iter().filter(|alias| alias["enabled"] == true) {
            let mut targets: Vec<_> = list(&alias["to"]).iter().map(text).filter(|target| own.contains(target)).collect();
            targets.sort();
            if !targets.is_empty() {
                found.aliases.insert(text(&alias["address"]), targets);
            }
        }
    }
    found
}

#[test]
fn a_dump_of_alternc_becomes_the_book_that_is_expected() {
    let stage = Stage::new();
    let file = stage.write("alternc.sql", DUMP);
    let line = format!("--from alternc --file {}", file.display());
    stage.done(&line);
    assert_eq!(stage.contents(), expected());
    let contact =
        |name: &str| stage.house.json(&format!("association show {name}"))["association"]["settings"]["contact"].clone();
    assert_eq!(contact("semeurs"), "bureau.semeurs@courrier.example");
    let written = stage.written();
    assert_eq!(stage.done(&line), "");
    assert!(stage.written() == written);
}

/// Columns in another order, fewer of them, Latin-1, one INSERT for each row, several rows for one address.
#[test]
fn a_dump_of_an_older_alternc_is_read_by_its_own_columns() {
    let stage = Stage::new();
    let text = "CREATE TABLE membres (\n `uid` int(10) unsigned NOT NULL,\n `pass` varchar(64),\n `login` varchar(128) NOT NULL,\n PRIMARY KEY (uid)\n) TYPE=MyISAM;\n\
        INSERT INTO membres VALUES (2001,'x','velo');\n\
        CREATE TABLE `domaines` (\n  `compte` int(10) unsigned NOT NULL default '0',\n  `domaine` varchar(255) NOT NULL default '',\n  `gesdns` int(1),\n  `gesmx` int(1),\n  `noerase` tinyint(4),\n  `dns_action` enum('OK','UPDATE','DELETE'),\n  `dns_result` varchar(255),\n  `id` bigint(20) unsigned NOT NULL auto_increment,\n  KEY `compte` (`compte`)\n) ENGINE=MyISAM DEFAULT CHARSET=latin1;\n\
        INSERT INTO `domaines` VALUES (2001,'velo.example',1,1,0,'OK','0',11);\nINSERT INTO `domaines` VALUES (2001,'gone.example',1,1,0,'DELETE','0',12);\n\
        INSERT INTO `domaines` VALUES (2001,'dns.example',1,0,0,'OK','0',13);\nINSERT INTO `domaines` VALUES (9,'nobody.example',1,1,0,'OK','0',14);\n\
        CREATE TABLE `address` (`mail_action` enum('OK','DELETE'), `id` bigint, `domain_id` bigint, `enabled` int(1), `address` varchar(255), `password` varchar(255));\n\
        INSERT INTO `address` VALUES ('OK',1,11,1,'alice',NULL);\nINSERT INTO `address` VALUES ('OK',2,11,1,'info','');\nINSERT INTO `address` VALUES ('OK',3,11,1,'\u{e9}lise',NULL);\n\
        INSERT INTO `address` VALUES ('OK',4,11,1,'',NULL);\nINSERT INTO `address` VALUES ('OK',5,12,1,'eve',NULL);\n\
        CREATE TABLE `mailbox` (`id` bigint, `address_id` bigint, `path` varchar(255), `mail_action` enum('OK','DELETE'), `quota` bigint, `bytes` bigint);\n\
        INSERT INTO `mailbox` VALUES (1,1,'/var/alternc/mail/a/alice_velo.example','OK',100,-60756518);\nINSERT INTO `mailbox` VALUES (2,3,'x','OK',NULL,0);\nINSERT INTO `mailbox` VALUES (3,5,'x','OK',0,0);\n\
        CREATE TABLE `recipient` (`id` bigint, `address_id` bigint, `recipients` text);\n\
        INSERT INTO `recipient` VALUES (1,2,'x@elsewhere.example\\n');\nINSERT INTO `recipient` VALUES (2,2,'ALICE@velo.example\\r\\n');\nINSERT INTO `recipient` VALUES (3,4,'alice@velo.example');\n";
    let latin: Vec<u8> = text.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect();
    stage.house.place.write("old.sql", &latin).unwrap_or_else(|trouble| panic!("{trouble}"));
    let said = stage.sync(&format!("--from alternc --file {}", stage.path("old.sql").display()));
    assert_eq!(said.code, 1, "{}{}", said.out, said.errors);
    assert!(said.out.contains("SYNC-ROWS domaines: 1 rows belong to rows that are not there, and are left out."), "{}", said.out);
    let now = stage.contents();
    assert_eq!(now.domains.into_keys().collect::<Vec<_>>(), ["velo.example"]);
    let limits: Vec<_> = now.mailboxes.into_iter().collect();
    let limit = |address: &str, limit: &str| (address.to_owned(), limit.to_owned());
    assert_eq!(limits, [limit("alice@velo.example", "104857600"), limit("élise@velo.example", "default")]);
    assert_eq!(now.aliases["info@velo.example"], ["alice@velo.example"]);
}

#[test]
fn a_dump_with_a_table_missing_or_cut_off_changes_nothing() {
    let stage = Stage::new();
    let file = stage.write("alternc.sql", DUMP);
    stage.done(&format!("--from alternc --file {}", file.display()));
    let before = stage.contents();
    let tries = [
        DUMP.replace("CREATE TABLE `mailbox`", "CREATE TABLE `mailbox_old`"),
        DUMP.replace("INSERT INTO `address`", "INSERT INTO `addresses`"),
        DUMP.replace("INSERT INTO `domaines`", "INSERT INTO `x`"),
        DUMP.replace("`gesmx`", "`mx`"),
        DUMP[..DUMP.len() / 2].to_owned(),
        DUMP[..DUMP.len() / 5].to_owned(),
        String::new(),
    ];
    for text in tries {
        let file = stage.write("broken.sql", &text);
        let said = stage.sync(&format!("--from alternc --file {}", file.display()));
        assert!(said.code == 1 && said.out.is_empty() && stage.contents() == before, "{}", said.errors);
    }
    assert!(Path::new(&file).exists());
}

/// In a database they are needed: without the right to read them, what is off would come back, and every limit would change.
#[test]
fn a_dump_of_an_older_panel_has_fewer_columns() {
    for column in ["quota", "mail_action", "enabled", "dns_action"] {
        let stage = Stage::new();
        let file = stage.write("alternc.sql", &DUMP.replace(&format!("`{column}`"), "`of-later`"));
        let said = stage.sync(&format!("--from alternc --file {}", file.display()));
        let contents = stage.contents();
        assert!(said.code <= 1 && contents.mailboxes.len() > 3, "{column}: {}", said.errors);
    }
}

/// A panel where anybody can make an account, and somebody chose names for us.
#[test]
fn hostile_names_are_no_options_no_lines_and_no_way_into_another_association() {
    let stage = Stage::new();
    let text = "association;domain;mailbox;storage;alias;domain-alias\n\
        a;a.example;bob;1G;;\nb;b.example;bob;1G;;\n\
        b;b.example;-rf;1G;;\nb;b.example;--yes;1G;;\nb;b.example;$(id);1G;;\nb;b.example;x\u{1b}[2J;1G;;\nb;b.example;\u{202e}gnp;1G;;\n\
        b;a.example;mine;1G;;\nb;b.example;bob@a.example;1G;;\nb;b.example;steal;;bob@a.example;\nb;b.example;x;;;a.example\nb;;y;1G;;\n\
        -rf;c.example;z;1G;;\n../../x;d.example;z;1G;;\na\u{0};e.example;z;1G;;\n\
        b;b.example;;;;\nb;b.example;big;99999999999T;;\nb;b.example;less;-5;;\n";
    let said = stage.csv(text, "");
    assert_eq!(said.code, 1, "{}", said.errors);
    assert!(
        said.out.chars().all(|char| char == '\n' || !char.is_control()) && !said.out.contains("bob") && said.errors.is_empty()
    );
    let now = stage.contents();
    assert_eq!(now.domains["a.example"], "a");
    assert!(now.aliases.is_empty() && now.standing.is_empty(), "{now:?}");
    for address in ["-rf@b.example", "--yes@b.example", "bob@a.example", "bob@b.example", "big@b.example"] {
        assert!(now.mailboxes.contains_key(address), "{address}");
    }
    assert!(!now.mailboxes.keys().any(|address| address.starts_with("mine@") || address.chars().any(char::is_control)));
    assert!(!now.mailboxes.contains_key("steal@b.example"));
    let written = stage.written();
    assert_eq!(stage.csv(text, "").code, 1);
    assert!(stage.written() == written, "odd rows are no reason to write");
    let _ = fs::metadata("/");
}

/// What one account makes must not keep the others from being followed.
#[test]
fn an_account_that_makes_very_much_stops_nobody_else() {
    let stage = Stage::new();
    let mut text = "association;domain;mailbox;storage;alias;domain-alias\n".to_owned();
    for number in 0..800 {
        text.push_str(&format!("greedy;long-domain-number-{number}.greedy.example;;;;\n"));
        text.push_str(&format!("many;many.example;a-mailbox-with-a-long-name-{number};1G;;\n"));
    }
    let all = (0..800).map(|number| format!("a-mailbox-with-a-long-name-{number}@many.example")).collect::<Vec<_>>().join(",");
    text.push_str(&format!("many;many.example;all;;{all};\nvelo;velo.example;alice;1G;;\n"));
    for number in 0..800 {
        text.push_str(&format!("velo;velo.example;;;;standby-number-{number}.velo.example\n"));
    }
    let said = stage.csv(&text, "");
    assert!(
        said.code == 1 && said.errors.is_empty() && said.out.contains("are more than one account or one alias may have"),
        "{}{}",
        said.out,
        said.errors
    );
    let now = stage.contents();
    assert!(now.mailboxes.contains_key("alice@velo.example") && now.mailboxes.len() == 801 && now.aliases.is_empty());
    assert!((100..800).contains(&now.standing.len()) && (100..802).contains(&now.domains.len()));
    let written = stage.written();
    assert_eq!(stage.csv(&text, "").errors, "");
    assert!(stage.written() == written);
}
