//! The configuration profile for Apple's Mail, and the QR code that leads a phone to it.
//!
//! It holds no address, no name and no password: the device asks for them, so one file is everybody's, and who fetches it tells nothing.
//! It is signed where the daemon has the host's key (`signed`); behind a web server of the host's that does TLS it is not, and Apple's programs
//! say so.

use aws_lc_rs::digest::{SHA256, digest};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

use super::mail_ports::{MailPorts, Speech};
use super::xml::Xml;

const DOCTYPE: &str =
    "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">";

/// The profile. None where nothing can be read or sent here with TLS: it could not be used.
pub fn profile(ports: &MailPorts) -> Option<String> {
    let (incoming, kind) = Speech::ALL.into_iter().find_map(|speech| ports.best(speech).zip(speech.row().account))?;
    let outgoing = ports.best(Speech::Submission)?;
    let reversed = ports.host.rsplit('.').collect::<Vec<_>>().join(".");
    let mut xml = Xml::default().with_type(DOCTYPE);
    xml.open("plist", &[("version", "1.0")]).open("dict", &[]);
    xml.element("key", "PayloadContent").open("array", &[]).open("dict", &[]);
    string(&mut xml, "EmailAccountDescription", &ports.host);
    string(&mut xml, "EmailAccountType", kind);
    for (direction, port) in [("Incoming", incoming), ("Outgoing", outgoing)] {
        string(&mut xml, &format!("{direction}MailServerAuthentication"), "EmailAuthPassword");
        string(&mut xml, &format!("{direction}MailServerHostName"), &ports.host);
        xml.element("key", &format!("{direction}MailServerPortNumber")).element("integer", &port.port.to_string());
        // For STARTTLS too: nothing else in a profile asks for encryption.
        xml.element("key", &format!("{direction}MailServerUseSSL")).empty("true");
    }
    xml.element("key", "OutgoingPasswordSameAsIncomingPassword").empty("true");
    identity(&mut xml, "com.apple.mail.managed", &format!("{reversed}.mail"), &ports.host);
    xml.close().close();
    string(&mut xml, "PayloadOrganization", &ports.host);
    identity(&mut xml, "Configuration", &format!("{reversed}.profile"), &ports.host);
    Some(xml.end())
}

fn string(xml: &mut Xml, key: &str, value: &str) {
    xml.element("key", key).element("string", value);
}

/// What every payload has. The identifier is made of its name, so that a newer profile replaces an older one.
fn identity(xml: &mut Xml, kind: &str, identifier: &str, name: &str) {
    string(xml, "PayloadDisplayName", name);
    string(xml, "PayloadIdentifier", identifier);
    string(xml, "PayloadType", kind);
    string(xml, "PayloadUUID", &uuid(identifier));
    xml.element("key", "PayloadVersion").element("integer", "1");
}

/// A UUID of version 8 (RFC 9562 5.8): of the name alone.
fn uuid(name: &str) -> String {
    let hash = digest(&SHA256, name.as_bytes());
    let mut bytes = [0u8; 16];
    bytes.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    let parts: Vec<_> = [0..8, 8..12, 12..16, 16..20, 20..32].into_iter().filter_map(|range| hex.get(range)).collect();
    parts.join("-")
}

/// `link` as a picture for a camera. None where it is too long for one.
pub fn qr(link: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(link.as_bytes(), EcLevel::M).ok()?;
    // Dark on light in the dark as well: not every camera reads the other way round.
    let colors = (svg::Color("#000"), svg::Color("#fff"));
    Some(code.render::<svg::Color<'_>>().dark_color(colors.0).light_color(colors.1).min_dimensions(220, 220).build())
}

#[cfg(test)]
mod tests {
    use super::super::mail_ports::{Encryption, MailPort};
    use super::*;

    fn listening(ports: &[(Speech, Encryption, u16)]) -> MailPorts {
        let ports =
            ports.iter().map(|(speech, encryption, port)| MailPort { speech: *speech, encryption: *encryption, port: *port });
        MailPorts::new("mail.nolog.example", ports.collect())
    }

    #[test]
    fn a_profile_names_nobody_and_is_the_same_each_time() {
        let ports = listening(&[(Speech::Imap, Encryption::Implicit, 993), (Speech::Submission, Encryption::Implicit, 465)]);
        let text = profile(&ports).unwrap();
        assert!(text.contains("<string>EmailTypeIMAP</string>") && text.contains("<integer>993</integer>"));
        for absent in ["EmailAddress<", "Username", "<key>IncomingPassword<", "<key>OutgoingPassword<", "@"] {
            assert!(!text.contains(absent), "{absent}");
        }
        assert_eq!(profile(&ports).unwrap(), text);
        assert_eq!(text.matches("<key>PayloadUUID</key>").count(), 2);
        assert!(profile(&listening(&[(Speech::Imap, Encryption::Implicit, 993)])).is_none());
        let pop3 = listening(&[(Speech::Pop3, Encryption::Implicit, 995), (Speech::Submission, Encryption::StartTls, 587)]);
        assert!(profile(&pop3).unwrap().contains("EmailTypePOP"));
    }

    #[test]
    fn identifiers_are_of_version_8() {
        let one = uuid("a");
        assert!(one.len() == 36 && one.as_bytes()[14] == b'8' && b"89AB".contains(&one.as_bytes()[19]), "{one}");
        assert_ne!(one, uuid("b"));
    }

    #[test]
    fn a_code_is_a_picture_without_text_of_others() {
        let svg = qr("https://mail.nolog.example/mail.mobileconfig").unwrap();
        assert!(svg.contains("<svg") && !svg.contains("http://evil"));
        assert!(qr(&"x".repeat(8000)).is_none());
    }
}
