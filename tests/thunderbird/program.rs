//! Thunderbird without a screen, driven over its Marionette socket: JSON behind its length, in both directions.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nologd::demo::{CERTIFICATE, Member, Owner, Place};
use serde_json::{Value, json};

use super::support::client;

/// How long the program may take to start, and to show what it has to. A loaded machine with two cores is slow.
const PATIENCE: Duration = Duration::from_secs(40);

/// What a person in front of it would see.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The list of messages, the newest first.
    pub subjects: Vec<String>,
    /// The quota page of the folder's properties.
    pub quota: Vec<String>,
    /// The quota bar in the status bar: empty when it is hidden.
    pub bar: String,
}

/// A running Thunderbird with a fresh profile.
pub struct Thunderbird {
    child: Child,
    stream: TcpStream,
    number: u64,
    imaps: u16,
    log: PathBuf,
}

impl Thunderbird {
    /// Starts it; it trusts the example certificate, and has no account yet.
    pub fn start(place: &Place, imaps: u16) -> Thunderbird {
        Thunderbird::start_with(place, imaps, NOWHERE)
    }

    /// The same, where every host of the web is answered by the pages at this port.
    pub fn start_with(place: &Place, imaps: u16, pages: u16) -> Thunderbird {
        let folder = place.make("thunderbird", Owner::me()).unwrap();
        let port = place.port().unwrap();
        place.write("thunderbird/user.js", preferences(port, pages).as_bytes()).unwrap();
        let log = folder.join("imap");
        let mut command = client("thunderbird", "thunderbird");
        command.args(["--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile"]).arg(&folder);
        // Its own log of the commands on the wire, to say what went wrong.
        command.env("HOME", &folder).env("MOZ_LOG", "IMAP:4").env("MOZ_LOG_FILE", &log);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let end = Instant::now() + PATIENCE;
        let stream = loop {
            match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < end, "Thunderbird does not start: {error}"),
            }
            sleep(Duration::from_millis(100));
        };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let log = folder.join("imap.moz_log");
        let mut thunderbird = Thunderbird { child, stream, number: 0, imaps, log };
        thunderbird.read();
        thunderbird.command("WebDriver:NewSession", &json!({}));
        thunderbird.command("Marionette:SetContext", &json!({"value": "chrome"}));
        thunderbird.until("its window", |program| (program.run(IS_THERE, &json!([])) == json!(true)).then_some(()));
        let certificate: String =
            std::str::from_utf8(CERTIFICATE).unwrap().lines().filter(|line| !line.starts_with('-')).collect();
        thunderbird.run(TRUST, &json!([certificate, thunderbird.imaps]));
        thunderbird
    }

    /// Adds the account of `member`, goes to the inbox, and looks until `enough`.
    pub fn open(&mut self, member: &Member, enough: impl Fn(&Seen) -> bool) -> Seen {
        self.run(ADD, &json!([self.imaps, member.address, member.password]));
        self.show(member);
        self.watch(member, enough)
    }

    /// Adds a POP3 account of `member` at that port, which leaves what it has fetched on the server or not.
    pub fn open_pop3(&mut self, member: &Member, leaves: bool) {
        self.run(ADD_POP3, &json!([self.imaps, member.address, member.password, leaves]));
    }

    /// Has it look for new mail in `member`'s account, and waits until `count` letters are in its inbox; their subjects, sorted.
    pub fn fetch(&mut self, member: &Member, count: usize) -> Vec<String> {
        self.run(FETCH, &json!([member.address]));
        let mut last = Value::Null;
        let found = self.wait(|program| {
            last = program.run(FETCHED, &json!([member.address]));
            (last["busy"] == json!(false) && last["subjects"].as_array().is_some_and(|list| list.len() == count)).then_some(())
        });
        assert!(found.is_some(), "Thunderbird has {last}, and not {count} letters");
        last["subjects"].as_array().unwrap().iter().map(|subject| subject.as_str().unwrap().to_owned()).collect()
    }

    /// What its own lookup of settings finds for an address: host, port, kind of TLS (3: from the first octet) and user name, in and out.
    pub fn finds(&mut self, address: &str) -> Value {
        let (_, domain) = address.split_once('@').unwrap();
        self.run(FIND, &json!([domain, address]))
    }

    /// Goes to the inbox of `member`, as soon as it is in the list of folders.
    pub fn show(&mut self, member: &Member) {
        self.until("the inbox in the list of folders", |program| {
            (program.run(SHOW, &json!([member.address])) == json!(true)).then_some(())
        });
    }

    /// Looks at the inbox of `member`, and touches nothing, until `enough`.
    pub fn watch(&mut self, member: &Member, enough: impl Fn(&Seen) -> bool) -> Seen {
        let mut last = Seen::default();
        let found = self.wait(|program| {
            last = seen(&program.run(LOOK, &json!([member.address])));
            enough(&last).then_some(())
        });
        assert!(found.is_some(), "Thunderbird shows {last:?}\n{}", self.said());
        last
    }

    /// Ends it as a person would.
    pub fn quit(&mut self) {
        self.command("Marionette:Quit", &json!({"flags": ["eForceQuit"]}));
        let end = self.wait(|program| program.child.try_wait().unwrap());
        assert!(end.is_some_and(|status| status.success()), "Thunderbird does not end");
    }

    fn until(&mut self, what: &str, look: impl FnMut(&mut Thunderbird) -> Option<()>) {
        assert!(self.wait(look).is_some(), "Thunderbird does not show {what}\n{}", self.said());
    }

    fn wait<T>(&mut self, mut look: impl FnMut(&mut Thunderbird) -> Option<T>) -> Option<T> {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = look(self);
            if found.is_some() || Instant::now() > end {
                return found;
            }
            sleep(Duration::from_millis(200));
        }
    }

    /// The end of its log of IMAP.
    fn said(&self) -> String {
        let text = String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned();
        let lines: Vec<_> = text.lines().filter(|line| !line.contains("authenticat")).collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    fn run(&mut self, script: &str, arguments: &Value) -> Value {
        let script = format!("{IMPORT}{script}");
        self.command("WebDriver:ExecuteScript", &json!({"script": script, "args": arguments}))["value"].take()
    }

    fn command(&mut self, name: &str, parameters: &Value) -> Value {
        self.number += 1;
        let text = json!([0, self.number, name, parameters]).to_string();
        self.stream.write_all(format!("{}:{text}", text.len()).as_bytes()).unwrap();
        let mut answer = self.read();
        assert!(answer[2].is_null(), "{name}: {}", answer[2]);
        answer[3].take()
    }

    fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            match byte[0] {
                b':' => break,
                digit => length = length * 10 + usize::from(digit - b'0'),
            }
        }
        let mut text = vec![0; length];
        self.stream.read_exact(&mut text).unwrap();
        serde_json::from_slice(&text).unwrap()
    }
}

impl Drop for Thunderbird {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn seen(value: &Value) -> Seen {
    let texts = |name: &str| {
        let list = value[name].as_array().into_iter().flatten();
        list.filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    Seen { subjects: texts("subjects"), quota: texts("quota"), bar: value["bar"].as_str().unwrap_or_default().to_owned() }
}

/// Nobody listens there.
const NOWHERE: u16 = 9;

/// No questions at the start, and no connections to anywhere but loopback.
fn preferences(marionette: u16, pages: u16) -> String {
    format!(
        "user_pref(\"marionette.port\", {marionette});\n\
         user_pref(\"mail.provider.suppress_dialog_on_startup\", true);\n\
         user_pref(\"mail.spotlight.firstRunDone\", true);\n\
         user_pref(\"mail.shell.checkDefaultClient\", false);\n\
         user_pref(\"mailnews.start_page.enabled\", false);\n\
         user_pref(\"app.update.enabled\", false);\n\
         user_pref(\"app.normandy.enabled\", false);\n\
         user_pref(\"extensions.update.enabled\", false);\n\
         user_pref(\"extensions.getAddons.cache.enabled\", false);\n\
         user_pref(\"datareporting.policy.dataSubmissionEnabled\", false);\n\
         user_pref(\"services.settings.server\", \"data:,\");\n\
         user_pref(\"network.captive-portal-service.enabled\", false);\n\
         user_pref(\"network.connectivity-service.enabled\", false);\n\
         user_pref(\"network.proxy.type\", 1);\n\
         user_pref(\"network.proxy.http\", \"127.0.0.1\");\n\
         user_pref(\"network.proxy.http_port\", {pages});\n\
         user_pref(\"network.proxy.ssl\", \"127.0.0.1\");\n\
         user_pref(\"network.proxy.ssl_port\", {NOWHERE});\n\
         user_pref(\"network.proxy.no_proxies_on\", \"127.0.0.1, localhost\");\n"
    )
}

const IMPORT: &str = r#"
    const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
    const find = user => MailServices.accounts.allServers.find(server => server.username == user);
    const inbox = user => find(user)?.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
    const pane = () => document.getElementById("tabmail")?.currentAbout3Pane;
"#;

const IS_THERE: &str = "return !!pane()?.displayFolder;";

const TRUST: &str = r#"
    const [der, port] = arguments;
    const certificate = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).constructX509FromBase64(der);
    const overrides = Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService);
    overrides.rememberValidityOverride("127.0.0.1", port, {}, certificate, true);
"#;

/// Without a look for new mail every few minutes, so that only IDLE can tell of it.
const ADD: &str = r#"
    const [port, user, password] = arguments;
    const server = MailServices.accounts.createIncomingServer(user, "127.0.0.1", "imap");
    server.port = port;
    server.socketType = Ci.nsMsgSocketType.SSL;
    server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
    server.password = password;
    server.doBiff = false;
    const identity = MailServices.accounts.createIdentity();
    identity.email = user;
    identity.valid = true;
    const account = MailServices.accounts.createAccount();
    account.addIdentity(identity);
    account.incomingServer = server;
    server.performExpand(null);
"#;

const ADD_POP3: &str = r#"
    const [port, user, password, leaves] = arguments;
    const server = MailServices.accounts.createIncomingServer(user, "127.0.0.1", "pop3");
    server.port = port;
    server.socketType = Ci.nsMsgSocketType.SSL;
    server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
    server.password = password;
    server.doBiff = false;
    server.QueryInterface(Ci.nsIPop3IncomingServer).leaveMessagesOnServer = leaves;
    const identity = MailServices.accounts.createIdentity();
    identity.email = user;
    identity.valid = true;
    const account = MailServices.accounts.createAccount();
    account.addIdentity(identity);
    account.incomingServer = server;
"#;

const FETCH: &str = r#"
    const server = find(arguments[0]);
    MailServices.pop3.GetNewMail(null, null, inbox(arguments[0]), server.QueryInterface(Ci.nsIPop3IncomingServer));
"#;

const FETCHED: &str = r#"
    const server = find(arguments[0]).QueryInterface(Ci.nsIPop3IncomingServer);
    const subjects = [...inbox(arguments[0]).messages].map(header => header.mime2DecodedSubject).sort();
    return { subjects, busy: server.serverBusy };
"#;

/// As its account hub does it, for a domain that is not in its own files: from the provider, before its own database and the MX.
const FIND: &str = r#"
    const { FetchConfig } = ChromeUtils.importESModule("resource:///modules/accountcreation/FetchConfig.sys.mjs");
    const { AccountConfig } = ChromeUtils.importESModule("resource:///modules/accountcreation/AccountConfig.sys.mjs");
    const [domain, address] = arguments;
    const server = one => [one.hostname, one.port, one.socketType, one.username];
    return FetchConfig.fromISP(domain, address, new AbortController().signal).then(found => {
        AccountConfig.replaceVariables(found, "Alice", address);
        const all = [found.incoming, ...found.incomingAlternatives].map(one => [one.type, ...server(one)]);
        return { incoming: all, outgoing: server(found.outgoing) };
    });
"#;

const SHOW: &str = r#"
    const folder = inbox(arguments[0]);
    if (folder) {
        pane().displayFolder(folder.URI);
    }
    return !!folder;
"#;

const LOOK: &str = r#"
    const folder = inbox(arguments[0]).QueryInterface(Ci.nsIMsgImapMailFolder);
    const view = pane().gDBView;
    const subjects = Array.from({ length: view?.rowCount ?? 0 }, (_, row) => view.getMsgHdrAt(row).mime2DecodedSubject);
    const quota = folder.getQuota().map(quota => `${quota.name} ${quota.usage} ${quota.limit}`);
    const bar = document.getElementById("quotaPanel").hidden ? "" : document.getElementById("quotaLabel").value;
    return { subjects, quota, bar };
"#;
