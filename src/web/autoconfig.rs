//! How mail programs set themselves up: the same answer for everybody who asks the same host.
//!
//! | who asks | where |
//! |---|---|
//! | Thunderbird and many others (draft-ietf-mailmaint-autoconfig) | `/mail/config-v1.1.xml`, `/.well-known/autoconfig/mail/config-v1.1.xml`, `/.well-known/mail-v1.xml` |
//! | PACC (draft-ietf-mailmaint-pacc) | `/.well-known/user-agent-configuration.json` |
//! | old Outlook | POST `/autodiscover/autodiscover.xml` |
//!
//! No answer depends on whether an address exists, and none holds one but Outlook's, which would else log in with the half of it: it gets
//! the address back that it has just sent. `%EMAILADDRESS%` is filled in by the mail program.

use serde_json::json;

use super::mail_ports::{Encryption, MailDirection, MailPorts, Speech};
use super::request::MAX_BODY;
use super::xml::Xml;
use crate::private::{Address, Domain};

/// What stands for the address in autoconfig.
const ADDRESS: &str = "%EMAILADDRESS%";
/// The labels before a domain at which programs ask for it.
const LABELS: [&str; 3] = ["autoconfig.", "autodiscover.", "ua-auto-config."];

/// The domain that a program asks for at `host`, as far as `known` knows it. Else the mail server's own: no answer ever repeats what
/// somebody wrote into a request, so nothing can be planted in a copy that others get.
pub fn domain(host: Option<&Domain>, known: impl Fn(&Domain) -> bool, ports: &MailPorts) -> String {
    let asked = host.and_then(|host| {
        let bare = LABELS.iter().find_map(|label| host.reveal().strip_prefix(label)).and_then(Domain::parse);
        [Some(host.clone()), bare].into_iter().flatten().find(|domain| known(domain))
    });
    asked.map_or_else(|| ports.host.to_string(), |domain| domain.reveal().to_owned())
}

/// The document of autoconfig. `help` is a page for people.
pub fn client_config(domain: &str, ports: &MailPorts, help: &str) -> String {
    let mut xml = Xml::default();
    xml.open("clientConfig", &[("version", "1.1")]);
    xml.open("emailProvider", &[("id", domain)]);
    xml.element("domain", domain).element("displayName", domain).element("displayShortName", domain);
    for speech in Speech::ALL {
        let element = match speech.row().direction {
            MailDirection::Incoming => "incomingServer",
            MailDirection::Outgoing => "outgoingServer",
        };
        for port in ports.of(speech) {
            let socket = match port.encryption {
                Encryption::Implicit => "SSL",
                Encryption::StartTls => "STARTTLS",
            };
            xml.open(element, &[("type", speech.row().protocol)]);
            xml.element("hostname", &ports.host).element("port", &port.port.to_string()).element("socketType", socket);
            xml.element("authentication", "password-cleartext").element("username", ADDRESS).close();
        }
    }
    xml.open("documentation", &[("url", help)]);
    xml.with("descr", &[("lang", "en")], "How to set up a mail program");
    xml.with("descr", &[("lang", "fr")], "Configurer un logiciel de messagerie");
    xml.end()
}

/// The document of PACC. None where a protocol listens elsewhere than the draft says, for it has no word for ports.
pub fn pacc(ports: &MailPorts, help: &str) -> Option<String> {
    let host = json!({ "host": ports.host });
    let mut protocols = serde_json::Map::new();
    let usual: Vec<_> = Speech::ALL.into_iter().filter(|speech| ports.has_usual(*speech)).map(Speech::row).collect();
    for row in &usual {
        protocols.insert(row.protocol.into(), host.clone());
    }
    let goes = |direction| usual.iter().any(|row| row.direction == direction);
    let usable = goes(MailDirection::Incoming) && goes(MailDirection::Outgoing);
    let all = json!({
        "protocols": protocols,
        "authentication": { "password": true },
        "info": { "provider": { "name": ports.host }, "help": { "documentation": help } },
    });
    usable.then(|| all.to_string())
}

/// The address in Outlook's request. Read by its one element, wherever it stands: nothing else of the document is looked at.
pub fn asked_by_outlook(body: &[u8]) -> Option<Address> {
    let text = std::str::from_utf8(body.get(..body.len().min(MAX_BODY))?).ok()?;
    let (_, after) = text.split_once("<EMailAddress>")?;
    let (address, _) = after.split_once("</EMailAddress>")?;
    Address::parse(address.trim())
}

/// Outlook's answer: the form is fixed, and the address is the one of the question.
pub fn autodiscover(address: Option<&Address>, ports: &MailPorts) -> String {
    let mut xml = Xml::default();
    xml.open("Autodiscover", &[("xmlns", "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006")]);
    xml.open("Response", &[("xmlns", "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a")]);
    xml.open("Account", &[]).element("AccountType", "email").element("Action", "settings");
    for speech in Speech::ALL {
        let kind = speech.row().protocol.to_ascii_uppercase();
        let Some(port) = ports.best(speech) else { continue };
        let encryption = match port.encryption {
            Encryption::Implicit => "SSL",
            Encryption::StartTls => "TLS",
        };
        xml.open("Protocol", &[]).element("Type", &kind).element("Server", &ports.host).element("Port", &port.port.to_string());
        if let Some(address) = address {
            xml.element("LoginName", &address.reveal());
        }
        xml.element("DomainRequired", "off").element("SPA", "off").element("SSL", "on").element("Encryption", encryption);
        xml.element("AuthRequired", "on").close();
    }
    xml.end()
}

#[cfg(test)]
mod tests {
    use super::super::mail_ports::MailPort;
    use super::*;

    fn listening() -> MailPorts {
        let port = |speech, encryption, port| MailPort { speech, encryption, port };
        MailPorts::new(
            "mail.nolog.example",
            vec![
                port(Speech::Submission, Encryption::StartTls, 587),
                port(Speech::Imap, Encryption::StartTls, 143),
                port(Speech::Imap, Encryption::Implicit, 993),
                port(Speech::Submission, Encryption::Implicit, 465),
            ],
        )
    }

    fn asked(host: &str) -> String {
        domain(Domain::parse(host).as_ref(), |domain| domain.reveal() == "velo.example", &listening())
    }

    #[test]
    fn only_the_books_own_domains_come_back() {
        for host in ["velo.example", "autoconfig.velo.example", "autodiscover.Velo.example", "ua-auto-config.velo.example"] {
            assert_eq!(asked(host), "velo.example");
        }
        for host in
            ["evil.example", "autoconfig.evil.example", "autoconfig.autoconfig.velo.example", "x.velo.example", "autoconfig."]
        {
            assert_eq!(asked(host), "mail.nolog.example", "{host}");
        }
    }

    #[test]
    fn tls_comes_first_and_no_address_is_in_it() {
        let text = client_config("velo.example", &listening(), "https://help.example/?a=1&b=2");
        let places: Vec<_> =
            ["<port>993<", "<port>143<", "<port>465<", "<port>587<"].iter().map(|one| text.find(one).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
        assert_eq!(text.matches("<username>%EMAILADDRESS%</username>").count(), 4);
        assert!(text.contains("url=\"https://help.example/?a=1&amp;b=2\"") && !text.contains("pop3") && !text.contains('@'));
        assert_eq!(text.matches("<socketType>SSL<").count(), 2);
    }

    #[test]
    fn pacc_is_told_where_the_ports_are_the_usual_ones() {
        let told: serde_json::Value = serde_json::from_str(&pacc(&listening(), "https://help.example/").unwrap()).unwrap();
        assert_eq!(told["protocols"]["imap"]["host"], "mail.nolog.example");
        assert!(told["protocols"].get("pop3").is_none());
        let odd =
            MailPorts::new("m.example", vec![MailPort { speech: Speech::Imap, encryption: Encryption::Implicit, port: 10993 }]);
        assert!(pacc(&odd, "").is_none());
    }

    #[test]
    fn outlook_gets_its_own_address_back_and_nothing_else_of_what_it_said() {
        let ask =
            |inner: &str| format!("<?xml?><Autodiscover><Request><EMailAddress>{inner}</EMailAddress></Request></Autodiscover>");
        let address = asked_by_outlook(ask("alice@velo.example").as_bytes());
        let told = autodiscover(address.as_ref(), &listening());
        assert_eq!(told.matches("<LoginName>alice@velo.example</LoginName>").count(), 2);
        assert!(told.contains("<Encryption>SSL</Encryption>") && !told.contains("POP3"));
        for wrong in ["</EMailAddress><x>", "a@b<c>", "", "&xxe;"] {
            assert!(asked_by_outlook(ask(wrong).as_bytes()).is_none(), "{wrong}");
        }
        assert!(asked_by_outlook(b"\xff<EMailAddress>a@b.example</EMailAddress>").is_none());
        assert!(!autodiscover(None, &listening()).contains("LoginName"));
    }
}
