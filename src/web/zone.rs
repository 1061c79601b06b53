//! The lines that an association's zone needs, so that mail comes and mail programs find their settings (RFC 1035 5.1 for the form).
//!
//! | lines | for |
//! |---|---|
//! | MX | mail that comes (RFC 5321 5) |
//! | SRV `_imaps`, `_submissions` ... | programs that ask the DNS (RFC 6186, RFC 8314 5.1); `.` for what is not offered |
//! | CNAME `autoconfig` | Thunderbird and others |
//! | SRV `_autodiscover` | Outlook |
//! | TXT | SPF, DKIM, DMARC: only their owner knows them whole, so they are reminders, in comments |
//!
//! [`lines`] are those that can be looked for (`nologd dns --check`). Absent on purpose: looking.

use std::fmt::Write as _;

use super::mail_ports::{Encryption, MailPort, MailPorts, Speech};
use crate::private::Domain;

/// What listens, as the lines tell it: the name of the service, what is spoken, when TLS begins.
fn services() -> impl Iterator<Item = (&'static str, Speech, Encryption)> {
    Speech::ALL.into_iter().flat_map(|speech| {
        let [implicit, starttls] = speech.row().records;
        [(implicit, speech, Encryption::Implicit), (starttls, speech, Encryption::StartTls)]
    })
}

/// A line that can be looked for.
pub struct ZoneLine {
    /// Its name, without a dot at its end.
    pub name: String,
    /// What is to be there.
    pub data: LineData,
}

/// What is to be there.
pub enum LineData {
    /// Mail goes to this host.
    Mx(String),
    /// A service at this port of this host; none: it is said not to be here.
    Srv(Option<(u16, String)>),
    /// Another name for this host.
    Cname(String),
    /// A text that begins so.
    TxtBegins(&'static str),
}

impl LineData {
    /// As it stands in a zone.
    pub fn kind(&self) -> &'static str {
        match self {
            LineData::Mx(_) => "MX",
            LineData::Srv(_) => "SRV",
            LineData::Cname(_) => "CNAME",
            LineData::TxtBegins(_) => "TXT",
        }
    }

    /// In short.
    pub fn print(&self) -> String {
        match self {
            LineData::Mx(host) | LineData::Cname(host) => host.clone(),
            LineData::Srv(Some((port, host))) => format!("{port} {host}"),
            LineData::Srv(None) => ".".into(),
            LineData::TxtBegins(begin) => format!("\"{begin} ...\""),
        }
    }
}

/// The lines of [`zone`] that can be looked for: all but DKIM, whose selector only its owner knows.
pub fn lines(domain: &Domain, ports: &MailPorts, mail: &str, pages: Option<&str>) -> Vec<ZoneLine> {
    let domain = domain.reveal();
    let line = |name: &str, data: LineData| ZoneLine { name: format!("{name}{domain}"), data };
    let mut lines = vec![line("", LineData::Mx(mail.to_owned()))];
    for (name, speech, encryption) in services() {
        let port = ports.of(speech).find(|port| port.encryption == encryption);
        lines.push(line(&format!("{name}._tcp."), LineData::Srv(port.map(|port| (port.port, ports.host.to_string())))));
    }
    if let Some(pages) = pages {
        lines.push(line("autoconfig.", LineData::Cname(pages.to_owned())));
        lines.push(line("_autodiscover._tcp.", LineData::Srv(Some((443, pages.to_owned())))));
    }
    lines.push(line("", LineData::TxtBegins("v=spf1")));
    lines.push(line("_dmarc.", LineData::TxtBegins("v=DMARC1")));
    lines
}

/// The lines for `domain`. `mail` is the host that takes mail for it; `pages` the one that pages are at, if there are any.
pub fn zone(domain: &Domain, ports: &MailPorts, mail: &str, pages: Option<&str>) -> String {
    let domain = domain.reveal();
    let mut text = format!("; Lines for the zone {domain}. Names that end in a dot are whole.\n\n; Incoming mail.\n");
    let mut line = |name: &str, kind: &str, data: &str| {
        let name = if name.is_empty() { format!("{domain}.") } else { format!("{name}.{domain}.") };
        let _ = writeln!(text, "{name:<44} 3600 IN {kind:<5} {data}");
    };
    line("", "MX", &format!("10 {mail}."));
    let mut others = String::new();
    for (name, speech, encryption) in services() {
        let port = ports.of(speech).find(|port| port.encryption == encryption);
        let data = port.map_or_else(|| "0 0 0 .".to_owned(), |port: MailPort| format!("0 1 {} {}.", port.port, ports.host));
        let _ = writeln!(others, "{:<44} 3600 IN SRV   {data}", format!("{name}._tcp.{domain}."));
    }
    let autoconfig = format!("autoconfig.{domain}.");
    let autodiscover = format!("_autodiscover._tcp.{domain}.");
    let _ = write!(text, "\n; Where mail programs read and send; a dot says that it is not offered.\n{others}");
    if let Some(pages) = pages {
        let _ = write!(
            text,
            "\n; Thunderbird and others ask here for their settings. {pages} needs a certificate with this name too, except where the MX above is the\n\
         ; same for all: then they ask autoconfig. and its domain.\n\
         {autoconfig:<44} 3600 IN CNAME {pages}.\n\
         \n; Outlook asks here.\n\
         {autodiscover:<44} 3600 IN SRV   0 0 443 {pages}.\n"
        );
    }
    let _ = write!(
        text,
        "\n; To be made with what is not known here. Mail without them ends up as spam.\n\
         ; SPF: which servers may send.       {domain}. IN TXT \"v=spf1 mx -all\"\n\
         ; DKIM: the key of the mail server.  SELECTOR._domainkey.{domain}. IN TXT \"v=DKIM1; k=rsa; p=...\"\n\
         ; DMARC: what others do with the rest. Without rua and ruf no reports about members are made elsewhere.\n\
         ;                                    _dmarc.{domain}. IN TXT \"v=DMARC1; p=quarantine\"\n"
    );
    text
}

/// The lines of [`zone`] alone, each with single spaces, without its reminders; without the MX where no host is known that takes mail.
pub fn records(domain: &Domain, ports: &MailPorts, mail: Option<&str>, pages: Option<&str>) -> Vec<String> {
    let text = zone(domain, ports, mail.unwrap_or_default(), pages);
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with(';'));
    let lines = lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| mail.is_some() || words.get(3) != Some(&"MX"));
    lines.map(|words| words.join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_offered_is_said_by_a_dot() {
        let port = |speech, encryption, port| MailPort { speech, encryption, port };
        let ports = vec![
            port(Speech::Imap, Encryption::Implicit, 993),
            port(Speech::Submission, Encryption::Implicit, 465),
            port(Speech::Submission, Encryption::StartTls, 587),
        ];
        let listening = MailPorts::new("mail.nolog.example", ports);
        let text = zone(&Domain::parse("vélo.example").unwrap(), &listening, "mx.nolog.example", Some("pages.nolog.example"));
        let lines: Vec<Vec<&str>> = text
            .lines()
            .filter(|line| !line.starts_with(';') && !line.is_empty())
            .map(|line| line.split_whitespace().collect())
            .collect();
        let has = |line: &str| lines.contains(&line.split_whitespace().collect());
        assert!(has("xn--vlo-bma.example. 3600 IN MX 10 mx.nolog.example."), "{text}");
        assert!(has("_imaps._tcp.xn--vlo-bma.example. 3600 IN SRV 0 1 993 mail.nolog.example."));
        for absent in ["_imap", "_pop3s", "_pop3"] {
            assert!(has(&format!("{absent}._tcp.xn--vlo-bma.example. 3600 IN SRV 0 0 0 .")), "{absent}");
        }
        assert!(has("autoconfig.xn--vlo-bma.example. 3600 IN CNAME pages.nolog.example."));
        assert!(has("_autodiscover._tcp.xn--vlo-bma.example. 3600 IN SRV 0 0 443 pages.nolog.example."));
        assert_eq!(lines.len(), 9);
        // What is looked for is what is printed.
        let looked =
            super::lines(&Domain::parse("vélo.example").unwrap(), &listening, "mx.nolog.example", Some("pages.nolog.example"));
        for line in &looked {
            let there =
                text.lines().any(|printed| printed.contains(&format!("{}.", line.name)) && printed.contains(line.data.kind()));
            assert!(there, "{} {}", line.name, line.data.kind());
        }
        assert_eq!(looked.len(), 9 + 2);
        assert!(text.is_ascii());
        // What contacts are shown is the same, without what is not known.
        let vélo = Domain::parse("vélo.example").unwrap();
        let shown = records(&vélo, &listening, Some("mx.nolog.example"), Some("pages.nolog.example"));
        assert!(shown.len() == lines.len() && shown.iter().all(|line| has(line)));
        assert_eq!(records(&vélo, &listening, None, Some("pages.nolog.example")), shown[1..]);
    }
}
