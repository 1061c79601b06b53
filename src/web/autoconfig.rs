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

use super::offer::{Encryption, MailOffer, Speech};
use super::request::MAX_BODY;
use super::xml::Xml;
use crate::private::{Address, Domain};

/// What stands for the address in autoconfig.
const ADDRESS: &str = "%EMAILADDRESS%";
/// The labels before a domain at which programs ask for it.
const LABELS: [&str; 3] = ["autoconfig.", "autodiscover.", "ua-auto-config."];

/// The domain that a program asks for at `host`, as far as `known` knows it. Else the mail server's own: no answer ever repeats what
/// somebody wrote into a request, so nothing can be planted in a copy that others get.
pub fn domain(host: Option<&Domain>, known: impl Fn(&Domain) -> bool, offer: &MailOffer) -> String {
    let asked = host.and_then(|host| {
        let bare = LABELS.iter().find_map(|label| host.reveal().strip_prefix(label)).and_then(Domain::parse);
        [Some(host.clone()), bare].into_iter().flatten().find(|domain| known(domain))
    });
    asked.map_or_else(|| offer.host.to_string(), |domain| domain.reveal().to_owned())
}

/// The document of autoconfig. `help` is a page for people.
pub fn client_config(domain: &str, offer: &MailOffer, help: &str) -> String {
    let mut xml = Xml::default();
    xml.open("clientConfig", &[("version", "1.1")]);
    xml.open("emailProvider", &[("id", domain)]);
    xml.element("domain", domain).element("displayName", domain).element("displayShortName", domain);
    for (speech, element, kind) in [
        (Speech::Imap, "incomingServer", "imap"),
        (Speech::Pop3, "incomingServer", "pop3"),
        (Speech::Submission, "outgoingServer", "smtp"),
    ] {
        for door in offer.doors(speech) {
            let socket = match door.encryption {
                Encryption::Implicit => "SSL",
                Encryption::StartTls => "STARTTLS",
            };
            xml.open(element, &[("type", kind)]);
            xml.element("hostname", &offer.host).element("port", &door.port.to_string()).element("socketType", socket);
            xml.element("authentication", "password-cleartext").element("username", ADDRESS).close();
        }
    }
    xml.open("documentation", &[("url", help)]);
    xml.with("descr", &[("lang", "en")], "How to set up a mail program");
    xml.with("descr", &[("lang", "fr")], "Configurer un logiciel de messagerie");
    xml.end()
}

/// The document of PACC. None where a protocol listens elsewhere than the draft says, for it has no word for ports.
pub fn pacc(offer: &MailOffer, help: &str) -> Option<String> {
    let host = json!({ "host": offer.host });
    let mut protocols = serde_json::Map::new();
    for (speech, name) in [(Speech::Imap, "imap"), (Speech::Pop3, "pop3"), (Speech::Submission, "smtp")] {
        if offer.has_usual(speech) {
            protocols.insert(name.into(), host.clone());
        }
    }
    let usable = protocols.contains_key("smtp") && (protocols.contains_key("imap") || protocols.contains_key("pop3"));
    let all = json!({
        "protocols": protocols,
        "authentication": { "password": true },
        "info": { "provider": { "name": offer.host }, "help": { "documentation": help } },
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
pub fn autodiscover(address: Option<&Address>, offer: &MailOffer) -> String {
    let mut xml = Xml::default();
    xml.open("Autodiscover", &[("xmlns", "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006")]);
    xml.open("Response", &[("xmlns", "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a")]);
    xml.open("Account", &[]).element("AccountType", "email").element("Action", "settings");
    for (speech, kind) in [(Speech::Imap, "IMAP"), (Speech::Pop3, "POP3"), (Speech::Submission, "SMTP")] {
        let Some(door) = offer.best(speech) else { continue };
        let encryption = match door.encryption {
            Encryption::Implicit => "SSL",
            Encryption::StartTls => "TLS",
        };
        xml.open("Protocol", &[]).element("Type", kind).element("Server", &offer.host).element("Port", &door.port.to_string());
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
    use super::super::offer::OfferedPort;
    use super::*;

    fn offer() -> MailOffer {
        let door = |speech, encryption, port| OfferedPort { speech, encryption, port };
        MailOffer::new(
            "mail.nolog.example",
            vec![
                door(Speech::Submission, Encryption::StartTls, 587),
                door(Speech::Imap, Encryption::StartTls, 143),
                door(Speech::Imap, Encryption::Implicit, 993),
                door(Speech::Submission, Encryption::Implicit, 465),
            ],
        )
    }

    fn asked(host: &str) -> String {
        domain(Domain::parse(host).as_ref(), |domain| domain.reveal() == "velo.example", &offer())
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
        let text = client_config("velo.example", &offer(), "https://help.example/?a=1&b=2");
        let places: Vec<_> =
            ["<port>993<", "<port>143<", "<port>465<", "<port>587<"].iter().map(|one| text.find(one).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
        assert_eq!(text.matches("<username>%EMAILADDRESS%</username>").count(), 4);
        assert!(text.contains("url=\"https://help.example/?a=1&amp;b=2\"") && !text.contains("pop3") && !text.contains('@'));
        assert_eq!(text.matches("<socketType>SSL<").count(), 2);
    }

    #[test]
    fn pacc_is_told_where_the_ports_are_the_usual_ones() {
        let told: serde_json::Value = serde_json::from_str(&pacc(&offer(), "https://help.example/").unwrap()).unwrap();
        assert_eq!(told["protocols"]["imap"]["host"], "mail.nolog.example");
        assert!(told["protocols"].get("pop3").is_none());
        let odd = MailOffer::new(
            "m.example",
            vec![OfferedPort { speech: Speech::Imap, encryption: Encryption::Implicit, port: 10993 }],
        );
        assert!(pacc(&odd, "").is_none());
    }

    #[test]
    fn outlook_gets_its_own_address_back_and_nothing_else_of_what_it_said() {
        let ask =
            |inner: &str| format!("<?xml?><Autodiscover><Request><EMailAddress>{inner}</EMailAddress></Request></Autodiscover>");
        let address = asked_by_outlook(ask("alice@velo.example").as_bytes());
        let told = autodiscover(address.as_ref(), &offer());
        assert_eq!(told.matches("<LoginName>alice@velo.example</LoginName>").count(), 2);
        assert!(told.contains("<Encryption>SSL</Encryption>") && !told.contains("POP3"));
        for wrong in ["</EMailAddress><x>", "a@b<c>", "", "&xxe;"] {
            assert!(asked_by_outlook(ask(wrong).as_bytes()).is_none(), "{wrong}");
        }
        assert!(asked_by_outlook(b"\xff<EMailAddress>a@b.example</EMailAddress>").is_none());
        assert!(!autodiscover(None, &offer()).contains("LoginName"));
    }
}
