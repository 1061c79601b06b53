use super::*;
use crate::private::{Private, Secret};

fn alice() -> Credential {
    Credential { user: Private::new("alice".into()), secret: Secret::new(b"pw"), mechanism: Mechanism::Password }
}

/// What we send in answer to each of the backend's lines, and how it ends.
fn talk(starttls: bool, lines: &[&str]) -> (Vec<String>, Result<&'static str, Fault>) {
    talk_about(None, starttls, lines)
}

fn talk_about(hint: Option<Hint>, starttls: bool, lines: &[&str]) -> (Vec<String>, Result<&'static str, Fault>) {
    talk_as(&alice(), hint, starttls, lines)
}

fn talk_as(who: &Credential, hint: Option<Hint>, starttls: bool, lines: &[&str]) -> (Vec<String>, Result<&'static str, Fault>) {
    let (mut login, mut sent) = (UpstreamLogin::new(starttls, hint), Vec::new());
    for line in lines {
        let mut input = line.as_bytes();
        loop {
            match login.next(input, false, Some(who)) {
                Err(fault) => return (sent, Err(fault)),
                Ok(LoginProgress::Need) => break,
                Ok(LoginProgress::Done(_)) => return (sent, Ok("done")),
                Ok(LoginProgress::StartTls) => {
                    sent.push("<tls>".into());
                    input = b"";
                }
                Ok(LoginProgress::Send(len, bytes)) => {
                    input = &input[len..];
                    if !bytes.is_empty() {
                        sent.push(String::from_utf8(bytes.to_vec()).unwrap());
                    }
                }
            }
        }
    }
    (sent, Ok("waiting"))
}

#[test]
fn one_round_trip_where_the_backend_tells_all() {
    let (sent, end) =
        talk(false, &["* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n", "n3 OK [CAPABILITY IMAP4rev1 X] in\r\n"]);
    assert_eq!(sent, ["n3 AUTHENTICATE PLAIN AGFsaWNlAHB3\r\n"]);
    assert_eq!(end, Ok("done"));
}

#[test]
fn asks_where_the_backend_tells_nothing() {
    let lines =
        ["* OK hi\r\n", "* CAPABILITY IMAP4rev1\r\nn2 OK\r\n", "n3 OK in\r\n", "* CAPABILITY IMAP4rev1\r\nn4 OK done\r\n"];
    let (sent, end) = talk(false, &lines);
    assert_eq!(sent, ["n2 CAPABILITY\r\n"]);
    assert_eq!(end, Err(Fault::Garbage(Side::Backend)));
    let lines =
        ["* OK hi\r\n", "* CAPABILITY IMAP4rev1\r\nn2 OK done\r\n", "n3 OK in\r\n", "* CAPABILITY IMAP4rev1\r\nn4 OK done\r\n"];
    let (sent, end) = talk(false, &lines);
    assert_eq!(sent, ["n2 CAPABILITY\r\n", "n3 LOGIN \"alice\" \"pw\"\r\n", "n4 CAPABILITY\r\n"]);
    assert_eq!(end, Ok("done"));
}

#[test]
fn starttls_forgets_what_came_before() {
    let greeting = "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR] hi\r\n";
    let injected = "n1 OK go\r\nn2 OK injected\r\n";
    let (sent, end) = talk(true, &[greeting, injected]);
    assert_eq!(sent, ["n1 STARTTLS\r\n", "<tls>", "n2 CAPABILITY\r\n"]);
    assert_eq!(end, Ok("waiting"));
}

#[test]
fn refusals() {
    let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n";
    for (line, fault) in [
        ("n3 NO [AUTHENTICATIONFAILED] no\r\n", Fault::Denied),
        ("n3 NO no\r\n", Fault::Denied),
        ("n3 BAD [CANARY] no\r\n", Fault::Denied),
        ("n3 NO [UNAVAILABLE] later\r\n", Fault::Down),
        ("n3 NO [inuse] later\r\n", Fault::Down),
        ("n3 NO see [EXPIRED]\r\n", Fault::Denied),
        ("n3 NO [EXPIRED] old\r\n", Fault::Barred(RefusalCode::PasswordExpired)),
        ("n3 NO [CONTACTADMIN] x\r\n", Fault::Barred(RefusalCode::AskAdmins)),
        ("n3 NO [AuthorizationFailed] x\r\n", Fault::Barred(RefusalCode::NotAllowed)),
        ("n3 NO [PRIVACYREQUIRED] x\r\n", Fault::Barred(RefusalCode::BackendSetup)),
        ("n3 NO [LIMIT] x\r\n", Fault::Barred(RefusalCode::TooManyConnections)),
        (
            "n3 NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=4)\r\n",
            Fault::Barred(RefusalCode::TooManyConnections),
        ),
        ("* BYE full\r\n", Fault::Down),
        ("a1 OK somebody else\r\n", Fault::Garbage(Side::Backend)),
    ] {
        assert_eq!(talk(false, &[greeting, line]).1, Err(fault));
    }
    assert_eq!(talk(false, &["* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n"]).1, Err(Fault::Garbage(Side::Backend)));
}

/// No password leaves for a backend that says it takes none; a token that it cannot read is no wrong password.
#[test]
fn a_backend_without_a_way_to_log_in_is_told_nothing() {
    for greeting in
        ["* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi\r\n", "* OK [CAPABILITY IMAP4rev1 logindisabled ID] x\r\n"]
    {
        assert_eq!(talk(false, &[greeting]), (vec![], Err(Fault::Barred(RefusalCode::BackendSetup))));
    }
    let greeting = "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED SASL-IR AUTH=PLAIN] hi\r\n";
    assert_eq!(talk(false, &[greeting]).0, ["n3 AUTHENTICATE PLAIN AGFsaWNlAHB3\r\n"]);
    for mechanism in [Mechanism::XOAuth2, Mechanism::OAuthBearer] {
        let token = Credential { mechanism, secret: Secret::new(b"user=alice\x01auth=Bearer t\x01\x01"), ..alice() };
        let told = talk_as(&token, None, false, &[greeting]);
        assert_eq!(told, (vec![], Err(Fault::Barred(RefusalCode::LoginMethod))));
    }
}

#[test]
fn what_a_backend_takes_is_known_without_a_login() {
    let mut login = UpstreamLogin::new(false, None);
    let greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2] hi\r\n";
    assert!(login.tokens().is_none());
    assert!(matches!(login.next(greeting, false, None), Ok(LoginProgress::Done(_))));
    assert_eq!(login.tokens(), Some(Tokens { xoauth2: true, bearer: false }));
}

/// Courier has neither AUTH=PLAIN without TLS nor LITERAL+.
#[test]
fn a_password_outside_of_ascii_waits_for_the_backend() {
    let with = |user: &str, secret: &str| Credential {
        user: Private::new(user.into()),
        secret: Secret::new(secret.as_bytes()),
        mechanism: Mechanism::Password,
    };
    let greeting = "* OK [CAPABILITY IMAP4rev1 THREAD=REFERENCES] Courier-IMAP ready\r\n";
    let done = "n3 OK [CAPABILITY IMAP4rev1] in\r\n";
    let (sent, end) = talk_as(&with("alice", "clé"), None, false, &[greeting, "+ OK\r\n", done]);
    assert_eq!(sent, ["n3 LOGIN \"alice\" {4}\r\n", "clé\r\n"]);
    assert_eq!(end, Ok("done"));
    let (sent, end) = talk_as(&with("zoé", "clé"), None, false, &[greeting, "+ OK\r\n", "+ OK\r\n", "n3 NO wrong\r\n"]);
    assert_eq!(sent, ["n3 LOGIN {4}\r\n", "zoé {4}\r\n", "clé\r\n"]);
    assert_eq!(end, Err(Fault::Denied));
    // Refused before the password was sent; and an OK to half a login is none.
    assert_eq!(talk_as(&with("alice", "clé"), None, false, &[greeting, "n3 NO [UNAVAILABLE] x\r\n"]).1, Err(Fault::Down));
    let half = talk_as(&with("alice", "clé"), None, false, &[greeting, done]);
    assert_eq!(half.1, Err(Fault::Garbage(Side::Backend)));
    // What is longer than LITERAL- takes unasked is asked for; what is shorter is not.
    let minus = greeting.replace("THREAD=REFERENCES", "LITERAL-");
    let long = "é".repeat(2049);
    assert_eq!(talk_as(&with("a", &long), None, false, &[&minus]).0, ["n3 LOGIN \"a\" {4098}\r\n"]);
    assert_eq!(talk_as(&with("a", "é"), None, false, &[&minus]).0, ["n3 LOGIN \"a\" {2+}\r\né\r\n"]);
}

#[test]
fn a_hint_goes_out_with_the_login_and_only_where_there_is_id() {
    let keys = crate::private::Pseudonymiser::new().unwrap();
    let hint = keys.hint(keys.account("alice"));
    let told = format!("n0 ID (\"x-originating-ip\" \"{}\")\r\nn3 AUTHENTICATE PLAIN AGFsaWNlAHB3\r\n", hint.reveal());
    assert!(told.contains("\"fd"), "{told}");
    let with = "* OK [CAPABILITY IMAP4rev1 ID SASL-IR AUTH=PLAIN] hi\r\n";
    let done = "n3 OK [CAPABILITY IMAP4rev1 X] in\r\n";
    for answer in ["* ID (\"name\" \"x\")\r\nn0 OK done\r\n", "* ID NIL\r\nn0 NO never\r\n", "n0 BAD what\r\n"] {
        let lines: Vec<_> = std::iter::once(with).chain(answer.split_inclusive('\n')).chain([done]).collect();
        assert_eq!(talk_about(Some(hint), false, &lines), (vec![told.clone()], Ok("done")));
    }
    let without = with.replace(" ID", "");
    let (sent, end) = talk_about(Some(hint), false, &[&without, done]);
    assert_eq!((&sent[..], end), (&["n3 AUTHENTICATE PLAIN AGFsaWNlAHB3\r\n".to_owned()][..], Ok("done")));
    let unasked = talk(false, &[with, "n0 OK done\r\n"]);
    assert_eq!(unasked.1, Err(Fault::Garbage(Side::Backend)));
    // Nothing is told before TLS.
    let (sent, _) =
        talk_about(Some(hint), true, &[with, "n1 OK go\r\n", "* CAPABILITY IMAP4rev1 ID SASL-IR AUTH=PLAIN\r\nn2 OK\r\n"]);
    assert_eq!(sent[..3], ["n1 STARTTLS\r\n", "<tls>", "n2 CAPABILITY\r\n"]);
}
