//! `check --connect`, the servers that take mail: LMTP and the relay (RFC 2033, RFC 5321). Each conversation ends before a message.

use super::finding::Faults;
use super::talk::{Talk, TestLogin, place, shown};
use crate::config::Config;
use crate::fault::Fault;
use crate::net::tls::TlsClient;
use crate::route::{AuthBy, Backend, Endpoint};

/// Greeting and `hello`, with STARTTLS where the config wants it. `None`: that was refused, and told.
async fn greet<'a>(
    mut talk: Talk<'a>,
    hello: &str,
    at: &str,
    found: &mut Faults,
) -> Result<Option<(Talk<'a>, Vec<String>)>, Fault> {
    let (code, words) = talk.reply(None).await?;
    if code != 220 {
        found.wrong(format!("{at}: greets with {code} {}", shown(words.first().map_or("", String::as_str))));
        return Ok(None);
    }
    let (mut code, mut words) = talk.reply(Some(hello)).await?;
    if talk.wants_starttls() {
        if talk.reply(Some("STARTTLS")).await?.0 != 220 {
            found.wrong(format!("{at}: offers no STARTTLS, which the config asks for"));
            return Ok(None);
        }
        talk = talk.secure().await?;
        (code, words) = talk.reply(Some(hello)).await?;
    }
    if code != 250 {
        found.wrong(format!("{at}: refuses {hello:?}: {code} {}", shown(words.first().map_or("", String::as_str))));
        return Ok(None);
    }
    Ok(Some((talk, words)))
}

/// What the server says that takes incoming mail.
pub(super) async fn lmtp(
    backend: &Backend,
    endpoint: &Endpoint,
    tls: &TlsClient,
    config: &Config,
    login: Option<&TestLogin>,
    found: &mut Faults,
) -> Result<(), Fault> {
    let at = format!("[[backend]] {}, lmtp = {}", backend.name, place(endpoint));
    let hello = format!("LHLO {}", config.hostname);
    let Some((mut talk, _)) = greet(Talk::open(endpoint, tls).await?, &hello, &at, found).await? else { return Ok(()) };
    if let Some(login) = login {
        talk.reply(Some("MAIL FROM:<>")).await?;
        let (code, words) = talk.reply(Some(&format!("RCPT TO:<{}>", login.address.reveal()))).await?;
        if code >= 300 {
            found.wrong(format!(
                "{at}: refuses mail for {}, who can log in: {code} {}. In Dovecot 2.4: auth_username_format = %{{user | lower}} in protocol lmtp",
                login.address.reveal(),
                shown(words.first().map_or("", String::as_str))
            ));
        }
        talk.reply(Some("RSET")).await?;
    }
    talk.say("QUIT").await
}

/// What the server says that takes members' mail.
pub(super) async fn relay(
    backend: &Backend,
    endpoint: &Endpoint,
    tls: &TlsClient,
    config: &Config,
    domain: &str,
    found: &mut Faults,
) -> Result<(), Fault> {
    let at = format!("[[backend]] {}, relay = {}", backend.name, place(endpoint));
    let hello = format!("EHLO {}", config.hostname);
    let Some((mut talk, words)) = greet(Talk::open(endpoint, tls).await?, &hello, &at, found).await? else { return Ok(()) };
    let offer = |name: &str| words.iter().find_map(|line| line.to_ascii_uppercase().strip_prefix(name).map(str::to_owned));
    if let Some(size) = offer("SIZE ").and_then(|size| size.trim().parse::<u64>().ok())
        && size != 0
        && size < config.sizes.message
    {
        let octets = config.sizes.message;
        found.note(format!(
            "{at}: takes messages of {size} octets at most, and nologd of {octets} ([limits] message_octets): the larger ones are refused late"
        ));
    }
    for (name, without) in
        [("8BITMIME", "messages in 8 bit"), ("SMTPUTF8", "addresses with accents"), ("PIPELINING", "quick sending")]
    {
        if offer(name).is_none() {
            found.note(format!("{at}: has no {name}, so members have no {without}"));
        }
    }
    if backend.auth == AuthBy::Relay {
        if offer("AUTH ").is_none() {
            found.wrong(format!("{at}: offers no AUTH, and auth = \"relay\" lets it judge the logins: nobody can send"));
        }
        return talk.say("QUIT").await;
    }
    outside(&mut talk, &at, domain, found).await?;
    talk.say("QUIT").await
}

/// Whether it takes mail from a member to somewhere else, as far as that is said before a message.
async fn outside(talk: &mut Talk<'_>, at: &str, domain: &str, found: &mut Faults) -> Result<(), Fault> {
    for line in [format!("MAIL FROM:<postmaster@{domain}>"), "RCPT TO:<postmaster@example.org>".to_owned()] {
        let (code, words) = talk.reply(Some(&line)).await?;
        let first = words.first().map_or("", String::as_str);
        if code >= 400 {
            let text = format!("{at}: answers {line:?} with {code} {}", shown(first));
            if first.get(1..).is_some_and(|rest| rest.starts_with(".7.1")) {
                found.wrong(format!(
                    "{text}. Members' mail to others would be refused: in master.cf, give this port restrictions of its own: \
                     -o smtpd_relay_restrictions=permit_mynetworks,reject -o smtpd_recipient_restrictions=permit_mynetworks,reject"
                ));
            } else {
                found.note(text);
            }
            break;
        }
    }
    talk.reply(Some("RSET")).await.map(drop)
}
