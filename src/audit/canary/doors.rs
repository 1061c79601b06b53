//! The canary at the doors beside IMAP and submission: POP3 and ManageSieve. Nothing is changed behind them: what is planted goes into
//! names that are not there, commands that nobody knows, and a filter that is only looked at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Trouble;
use super::client::{Client, VERDICTS, Way, WayIn};
use super::flight::{Login, broken_tls, quoted};
use super::planted::Plants;

/// A door beside, as the config has it.
pub(super) enum DoorBeside {
    /// No listener.
    None,
    /// None that the canary can fly through.
    Closed,
    Open(Way),
}

/// The steps at those of the doors that are there; what was not flown through is told.
pub(super) fn fly(
    pop3_door: &DoorBeside,
    sieve_door: &DoorBeside,
    login: &Login<'_>,
    plants: &Plants,
) -> Result<Vec<String>, Trouble> {
    type Flight = fn(&Way, &Login<'_>, &Plants) -> Result<(), Trouble>;
    let mut steps = Vec::new();
    for (name, door, flight) in [("POP3", pop3_door, pop3 as Flight), ("ManageSieve", sieve_door, sieve as Flight)] {
        match door {
            DoorBeside::None => {}
            DoorBeside::Closed => {
                steps.push(format!("{name} (NOT tried: its listeners have no TLS, or are for others than mail programs)"));
            }
            DoorBeside::Open(way) => {
                flight(way, login, plants)?;
                broken_tls(way, plants)?;
                steps.push(name.to_owned());
            }
        }
    }
    Ok(steps)
}

/// A wrong password, a right one, and a command that nobody knows.
fn pop3(way: &Way, login: &Login<'_>, plants: &Plants) -> Result<(), Trouble> {
    let step = "POP3";
    let mut client = Client::connect(way, Some("pop3"), step)?;
    let mut ask = |command: &str, start: &str| {
        client.send(command, step)?;
        if client.line(step)?.starts_with(start) { Ok(()) } else { Err(Trouble::Unexpected(step)) }
    };
    let user = Zeroizing::new(format!("USER {}\r\n", login.address));
    // Behind STLS nobody greets again (RFC 2595 4).
    if way.begin == WayIn::Tls {
        ask("", "+OK")?;
    }
    ask(&user, "+OK")?;
    ask(&format!("PASS {}\r\n", plants.wrong_password), "-ERR")?;
    ask(&user, "+OK")?;
    ask(&Zeroizing::new(format!("PASS {}\r\n", login.password)), "+OK")?;
    ask("STAT\r\n", "+OK")?;
    ask(&format!("X{} {}\r\n", plants.machine, plants.imap_id), "-ERR")?;
    ask("QUIT\r\n", "+OK")
}

/// The same, and a filter that is looked at.
fn sieve(way: &Way, login: &Login<'_>, plants: &Plants) -> Result<(), Trouble> {
    let step = "ManageSieve";
    let mut client = Client::connect(way, None, step)?;
    let mut ask = |command: &str, start: &str| {
        client.send(command, step)?;
        loop {
            let line = client.line(step)?;
            if VERDICTS.iter().any(|word| line.starts_with(word)) {
                return if line.starts_with(start) { Ok(()) } else { Err(Trouble::Unexpected(step)) };
            }
        }
    };
    let authenticate = |password: &str| {
        let plain = Zeroizing::new(format!("\0{}\0{password}", login.address));
        let plain = Zeroizing::new(STANDARD.encode(plain.as_bytes()));
        Zeroizing::new(format!("AUTHENTICATE \"PLAIN\" \"{}\"\r\n", *plain))
    };
    ask("", "OK")?;
    ask(&authenticate(&plants.wrong_password), "NO")?;
    ask(&authenticate(login.password), "OK")?;
    ask(&format!("GETSCRIPT {}\r\n", *quoted(&plants.mailbox)), "NO")?;
    let filter = format!("# {}\r\nkeep;\r\n", plants.body);
    ask(&format!("CHECKSCRIPT {{{}+}}\r\n{filter}\r\n", filter.len()), "OK")?;
    ask(&format!("X{} {}\r\n", plants.machine, *quoted(&plants.imap_id)), "NO")?;
    ask("LOGOUT\r\n", "OK")
}
