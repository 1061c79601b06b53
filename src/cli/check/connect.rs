//! `check --connect`: what each mail server behind says for itself, in its own protocol. Nothing is delivered, stored or sent: each
//! conversation ends before a message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::book::KnownBook;
use super::finding::Faults;
use super::reach::wait;
use super::takers::{lmtp, relay};
use super::talk::{Talk, TestLogin, broke, place, shown};
use super::{CheckArguments, doors, dovecot, panel, postfix};
use crate::config::Config;
use crate::fault::Fault;
use crate::net::tls::Client;
use crate::route::{Backend, Endpoint};

/// Talks to all of them, then reads what the servers of this machine are set to.
pub(super) fn connect(arguments: &CheckArguments, config: &Config, book: &KnownBook, found: &mut Faults) {
    let password = match arguments.password_file.as_ref().map(std::fs::read_to_string).transpose() {
        Ok(text) => Zeroizing::new(text.unwrap_or_default()),
        Err(error) => return found.wrong(format!("the file of --password-file cannot be read: {error}")),
    };
    let address = arguments.login.as_ref();
    let login = address.map(|address| TestLogin { address: address.reveal(), password: password.trim_end_matches(['\r', '\n']) });
    // What is wrong with the authorities was said by the attempt to reach them.
    let Ok(tls) = Client::new(config.authorities.as_deref()) else { return };
    let backends = &config.backends;
    for (_, backend) in backends.iter() {
        let domain = domain_of(book, backend).unwrap_or(&config.hostname);
        wait(async {
            let imap = imap(backend, &tls, login.as_ref(), found).await;
            told(backend, "imap", &backend.imap, imap, found);
            for (words, endpoint) in [(doors::POP3, &backend.pop3), (doors::SIEVE, &backend.sieve)] {
                let Some(endpoint) = endpoint else { continue };
                let login = login.as_ref().map(|login| (login.address.as_str(), login.password));
                let talked = doors::door(&words, (backend, endpoint), &tls, login, found).await;
                told(backend, words.key, endpoint, talked, found);
            }
            if let Some(endpoint) = &backend.lmtp {
                let lmtp = lmtp(backend, endpoint, &tls, config, login.as_ref(), found).await;
                told(backend, "lmtp", endpoint, lmtp, found);
            }
            if let Some(endpoint) = &backend.relay {
                let relay = relay(backend, endpoint, &tls, config, domain, found).await;
                told(backend, "relay", endpoint, relay, found);
            }
        });
    }
    dovecot::look(arguments.dovecot.as_deref(), config, book, found);
    postfix::look(arguments.postfix.as_deref(), config, book, found);
    panel::look(found);
}

/// Whoever takes no connections was told of already.
fn told(backend: &Backend, key: &str, endpoint: &Endpoint, talked: Result<(), Fault>, found: &mut Faults) {
    if let Err(fault) = talked.or_else(|fault| if fault == Fault::Down { Ok(()) } else { Err(fault) }) {
        found.wrong(format!("[[backend]] {}, {key} = {}: {}", backend.name, place(endpoint), broke(fault)));
    }
}

fn domain_of<'a>(book: &'a KnownBook, backend: &Backend) -> Option<&'a str> {
    let here = book.associations()?.iter().find(|member| member.backend.as_deref().is_none_or(|name| *name == *backend.name));
    here.and_then(|member| member.domains.first()).map(String::as_str)
}

async fn imap(backend: &Backend, tls: &Client, login: Option<&TestLogin<'_>>, found: &mut Faults) -> Result<(), Fault> {
    let name = &backend.name;
    let mut talk = Talk::open(&backend.imap, tls).await?;
    let greeting = talk.line().await?;
    if !greeting.to_ascii_uppercase().starts_with("* OK") {
        found.wrong(format!(
            "[[backend]] {name}, imap = {}: greets with {:?}, which is no IMAP server that takes logins",
            place(&backend.imap),
            shown(&greeting)
        ));
        return Ok(());
    }
    if talk.wants_starttls() {
        let (good, _) = command(&mut talk, "STARTTLS").await?;
        if !good {
            found.wrong(format!("[[backend]] {name}, imap: offers no STARTTLS: use imaps://, or imap:// on loopback"));
            return Ok(());
        }
        talk = talk.secure().await?;
    }
    let before = capabilities(&mut talk).await?;
    let has = |words: &[String], word: &str| words.iter().any(|own| own.eq_ignore_ascii_case(word));
    if !has(&before, "IMAP4rev1") && !has(&before, "IMAP4rev2") {
        found.wrong(format!("[[backend]] {name}, imap: offers neither IMAP4rev1 nor IMAP4rev2"));
    }
    if has(&before, "LOGINDISABLED") {
        found.wrong(format!(
            "[[backend]] {name}, imap: takes no passwords on this connection (LOGINDISABLED), so nobody can log in. In Dovecot 2.3: \
             `remote 127.0.0.1 {{ disable_plaintext_auth = no }}`; in 2.4 auth_allow_cleartext = yes; or use imaps://"
        ));
        return Ok(());
    }
    let Some(login) = login else {
        if !has(&before, "LITERAL+") && !has(&before, "LITERAL-") {
            found.note(slow_literals(name));
        }
        found.note(format!(
            "[[backend]] {name}, imap: what it offers to members is seen with --login ADDRESS --password-file FILE"
        ));
        talk.say("z LOGOUT").await?;
        return Ok(());
    };
    match enter(&mut talk, login, has(&before, "AUTH=PLAIN")).await? {
        Some(true) => {}
        Some(false) => {
            found.wrong(format!("[[backend]] {name}, imap: refuses the login of {} with this password", login.address));
            return Ok(());
        }
        None => {
            found.note(format!(
                "[[backend]] {name}, imap: the login of {} was not tried: this server knows LOGIN alone, and a line of it cannot carry \
                 this password",
                login.address
            ));
            return talk.say("z LOGOUT").await;
        }
    }
    offers(name, &capabilities(&mut talk).await?, found);
    talk.say("z LOGOUT").await
}

/// A quoted string (RFC 9051 4.3).
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn offers(name: &str, words: &[String], found: &mut Faults) {
    let has = |word: &str| words.iter().any(|own| own.eq_ignore_ascii_case(word));
    if !has("LITERAL+") && !has("LITERAL-") {
        found.note(slow_literals(name));
    }
    match (has("QUOTA"), has("STATUS=SIZE")) {
        (true, _) => {}
        (false, true) => found.note(format!(
            "[[backend]] {name}, imap: has no QUOTA, so mailboxes are counted folder by folder (STATUS=SIZE). In Dovecot: quota in \
             mail_plugins, imap_quota in those of protocol imap"
        )),
        (false, false) => found.note(format!(
            "[[backend]] {name}, imap: has neither QUOTA nor STATUS=SIZE, so mailboxes are counted message by message, which is slow"
        )),
    }
    if !has("UNSELECT") {
        found.note(format!("[[backend]] {name}, imap: has no UNSELECT, so its connections cannot be used again by a webmail"));
    }
}

fn slow_literals(name: &str) -> String {
    format!("[[backend]] {name}, imap: has no LITERAL+, so each message that is stored waits for one more answer")
}

/// As the daemon does it: LOGIN where there is no PLAIN. `None`: a line cannot carry that password.
async fn enter(talk: &mut Talk<'_>, login: &TestLogin<'_>, plain: bool) -> Result<Option<bool>, Fault> {
    if plain {
        let secret = Zeroizing::new(STANDARD.encode(format!("\0{}\0{}", login.address, login.password)));
        return authenticate(talk, &secret).await.map(Some);
    }
    let fits = |text: &str| text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_control());
    if !fits(&login.address) || !fits(login.password) {
        return Ok(None);
    }
    let words = Zeroizing::new(format!("LOGIN {} {}", quoted(&login.address), quoted(login.password)));
    Ok(Some(command(talk, &words).await?.0))
}

async fn authenticate(talk: &mut Talk<'_>, secret: &str) -> Result<bool, Fault> {
    talk.say("l AUTHENTICATE PLAIN").await?;
    loop {
        let line = talk.line().await?;
        match line.as_bytes() {
            [b'+', ..] => talk.say(secret).await?,
            [b'l', b' ', rest @ ..] => return Ok(rest.to_ascii_uppercase().starts_with(b"OK")),
            _ => {}
        }
    }
}

/// Sends a command, and the untagged lines that came before its end.
async fn command(talk: &mut Talk<'_>, words: &str) -> Result<(bool, Vec<String>), Fault> {
    talk.say(&format!("c {words}")).await?;
    let mut lines = Vec::new();
    loop {
        let line = talk.line().await?;
        match line.strip_prefix("c ") {
            Some(end) => return Ok((end.to_ascii_uppercase().starts_with("OK"), lines)),
            None if lines.len() < 100 => lines.push(line),
            None => return Ok((false, lines)),
        }
    }
}

async fn capabilities(talk: &mut Talk<'_>) -> Result<Vec<String>, Fault> {
    let (_, lines) = command(talk, "CAPABILITY").await?;
    let listed = lines.iter().filter_map(|line| line.split_at_checked(13));
    let listed = listed.filter(|(word, _)| word.eq_ignore_ascii_case("* CAPABILITY ")).map(|(_, words)| words);
    Ok(listed.flat_map(str::split_whitespace).map(str::to_owned).collect())
}
