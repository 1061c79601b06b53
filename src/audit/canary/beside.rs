//! The canary at the listeners beside IMAP and submission: POP3 and ManageSieve. Nothing is changed behind them: what is planted goes into
//! names that are not there, commands that nobody knows, and a filter that is only looked at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::FlightTrouble;
use super::client::{CanaryClient, FlightPath, VERDICTS, WayIn};
use super::flight::{TestMailbox, broken_tls, quoted};
use super::planted::Plants;
use crate::serve::Service;

/// A listener beside, as the config has it.
pub(super) enum WayBeside {
    /// No listener.
    None,
    /// None that the canary can fly through.
    Closed,
    Open(FlightPath),
}

/// How the canary flies through such a listener.
pub(super) struct FlightBeside {
    pub(super) service: Service,
    /// For the report.
    name: &'static str,
    /// The command that asks for TLS.
    pub(super) starttls: &'static str,
    flight: fn(&FlightPath, &TestMailbox<'_>, &Plants) -> Result<(), FlightTrouble>,
}

/// Each of them.
pub(super) const ALL: &[FlightBeside] = &[
    FlightBeside { service: Service::Pop3, name: "POP3", starttls: "STLS", flight: pop3 },
    FlightBeside { service: Service::Sieve, name: "ManageSieve", starttls: "STARTTLS", flight: sieve },
];

impl FlightBeside {
    /// The step at this listener, if it is there; that it was not flown through is told.
    pub(super) fn fly(
        &self,
        listener: &WayBeside,
        login: &TestMailbox<'_>,
        plants: &Plants,
    ) -> Result<Option<String>, FlightTrouble> {
        let name = self.name;
        match listener {
            WayBeside::None => Ok(None),
            WayBeside::Closed => {
                Ok(Some(format!("{name} (NOT tried: its listeners have no TLS, or are for others than mail programs)")))
            }
            WayBeside::Open(way) => {
                (self.flight)(way, login, plants)?;
                broken_tls(way, plants)?;
                Ok(Some(name.to_owned()))
            }
        }
    }
}

/// A wrong password, a right one, and a command that nobody knows.
fn pop3(way: &FlightPath, login: &TestMailbox<'_>, plants: &Plants) -> Result<(), FlightTrouble> {
    let step = "POP3";
    let mut client = CanaryClient::connect(way, Some("pop3"), step)?;
    let mut ask = |command: &str, start: &str| {
        client.send(command, step)?;
        if client.line(step)?.starts_with(start) { Ok(()) } else { Err(FlightTrouble::Unexpected(step)) }
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
fn sieve(way: &FlightPath, login: &TestMailbox<'_>, plants: &Plants) -> Result<(), FlightTrouble> {
    let step = "ManageSieve";
    let mut client = CanaryClient::connect(way, None, step)?;
    let mut ask = |command: &str, start: &str| {
        client.send(command, step)?;
        loop {
            let line = client.line(step)?;
            if VERDICTS.iter().any(|word| line.starts_with(word)) {
                return if line.starts_with(start) { Ok(()) } else { Err(FlightTrouble::Unexpected(step)) };
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
