use super::*;

fn line(bytes: &[u8]) -> Vec<u8> {
    encode(bytes).to_vec()
}

fn done(step: SaslStep) -> (String, Vec<u8>, Mechanism) {
    let SaslStep::Done(credential) = step else { panic!("no credential") };
    (credential.user.reveal().to_string(), credential.secret.reveal().to_vec(), credential.mechanism)
}

fn refused(step: SaslStep) -> SaslRefusal {
    let SaslStep::Refused(refusal) = step else { panic!("not refused") };
    refusal
}

#[test]
fn plain_with_and_without_initial_response() {
    let blob = line(b"\0alice@asso.example\0s3cret");
    let expected = ("alice@asso.example".to_owned(), b"s3cret".to_vec(), Mechanism::Password);
    assert_eq!(done(start(MechanismName::Plain, Some(&blob))), expected);
    let SaslStep::Challenge("", exchange) = start(MechanismName::Plain, None) else { panic!() };
    assert_eq!(done(exchange.answer(&blob)), expected);
    assert_eq!(done(start(MechanismName::Plain, Some(&line(b"alice@asso.example\0alice@asso.example\0s3cret")))), expected);
}

#[test]
fn login_asks_twice() {
    let SaslStep::Challenge("VXNlcm5hbWU6", exchange) = start(MechanismName::Login, None) else { panic!() };
    let SaslStep::Challenge("UGFzc3dvcmQ6", exchange) = exchange.answer(&line(b"bob@asso.example")) else { panic!() };
    assert_eq!(done(exchange.answer(&line(b"pw"))), ("bob@asso.example".into(), b"pw".to_vec(), Mechanism::Password));
    let SaslStep::Challenge("UGFzc3dvcmQ6", exchange) = start(MechanismName::Login, Some(&line(b"bob"))) else { panic!() };
    assert_eq!(refused(exchange.answer(b"*")), SaslRefusal::Cancelled);
}

#[test]
fn tokens_stay_whole() {
    let blob = b"n,a=al=2Cice@asso.example,\x01host=mail.example\x01auth=Bearer t0ken==\x01\x01";
    let (user, secret, mechanism) = done(start(MechanismName::OAuthBearer, Some(&line(blob))));
    assert_eq!((user.as_str(), secret.as_slice(), mechanism), ("al,ice@asso.example", &blob[..], Mechanism::OAuthBearer));
    let blob = b"user=alice@asso.example\x01auth=Bearer t0ken\x01\x01";
    let step = start(MechanismName::XOAuth2, Some(&line(blob)));
    let SaslStep::Done(credential) = step else { panic!() };
    let (name, text) = initial_response(&credential);
    assert_eq!((name, text.to_vec()), (MechanismName::XOAuth2, line(blob)));
}

#[test]
fn what_is_refused() {
    let plain = |bytes: &[u8]| refused(start(MechanismName::Plain, Some(&line(bytes))));
    assert_eq!(plain(b"root\0alice\0pw"), SaslRefusal::Foreign);
    assert_eq!(plain(b"\0alice\0"), SaslRefusal::Empty);
    for bytes in [&b""[..], b"alice\0pw", b"\0\0pw", b"\0al\r\nice\0pw", b"\0alice\0p\0w", b"\0\xff\0pw"] {
        assert_eq!(plain(bytes), SaslRefusal::Malformed);
    }
    for text in [&b"AGFs*"[..], b"AGFsaWNl AHB3", b"AGFsaWNlAHB3=", b"AHgAeA"] {
        assert_eq!(refused(start(MechanismName::Plain, Some(text))), SaslRefusal::Malformed);
    }
    assert_eq!(refused(start(MechanismName::Plain, Some(b"="))), SaslRefusal::Malformed);
    assert_eq!(refused(start(MechanismName::Plain, Some(&[b'A'; MAX_ANSWER + 4]))), SaslRefusal::TooLong);
    for blob in [&b"n,,\x01auth=Bearer t\x01\x01"[..], b"n,a=x,\x01\x01", b"n,a=x,\x01auth=\x01\x01", b"n,a=x,\x01auth=Bearer t"]
    {
        assert_eq!(refused(start(MechanismName::OAuthBearer, Some(&line(blob)))), SaslRefusal::Malformed);
    }
}

/// A backend hears a token's response byte for byte: it must not find another name in it than we do.
#[test]
fn a_token_names_one_person_in_one_way() {
    let refuses = |name: MechanismName, blob: &[u8]| assert_eq!(refused(start(name, Some(&line(blob)))), SaslRefusal::Malformed);
    for blob in [
        &b"user=alice\x01user=bob\x01auth=Bearer t\x01\x01"[..],
        b"user=alice\x01auth=Bearer t\x01user=bob\x01\x01",
        b"USER=bob\x01user=alice\x01auth=Bearer t\x01\x01",
        b"auth=Bearer t\x01user=alice\x01\x01",
        b"user=alice\x01auth=Bearer t\x01auth=Bearer u\x01\x01",
        b"user=alice\x01auth=Bearer t\x01x=y\x01\x01",
        b"user=alice\x01auth=Bearer t\0\x01\x01",
        b"user=alice\x01auth=Bearer t\x01\x01\x01",
        b"user=alice\x01\x01",
        b"user=alice\x01auth=\x01\x01",
    ] {
        refuses(MechanismName::XOAuth2, blob);
    }
    for blob in [
        &b"n,a=alice,\x01user=bob\x01auth=Bearer t\x01\x01"[..],
        b"n,a=alice,\x01auth=Bearer t\x01a=bob\x01\x01",
        b"n,a=alice,\x01auth=Bearer t\x01auth=Bearer u\x01\x01",
        b"n,a=alice,\x01auth=Bearer t\x01AUTH=Bearer u\x01\x01",
        b"n,a=alice,\x01host=\x01auth=Bearer t\x01\x01",
        b"n,a=alice,\x01auth=Bearer t\0\x01\x01",
        b"n,a=ali=ce,\x01auth=Bearer t\x01\x01",
        b"n,a=ali=2cce,\x01auth=Bearer t\x01\x01",
        b"n,a=alice,a=bob,\x01auth=Bearer t\x01\x01",
        b"n,a=alice,\x01\x01",
    ] {
        refuses(MechanismName::OAuthBearer, blob);
    }
    let blob = b"y,a=al=3D2Cice,\x01port=993\x01auth=Bearer t\x01host=m.example\x01\x01";
    assert_eq!(done(start(MechanismName::OAuthBearer, Some(&line(blob)))).0, "al=2Cice");
}

#[test]
fn a_backend_is_told_plain() {
    let SaslStep::Done(credential) = start(MechanismName::Plain, Some(&line(b"\0a@b.example\0p\xe9"))) else { panic!() };
    let (name, text) = initial_response(&credential);
    assert_eq!((name, text.to_vec()), (MechanismName::Plain, line(b"\0a@b.example\0p\xe9")));
}

#[test]
fn names() {
    assert_eq!(MechanismName::parse(b"oauthBearer"), Some(MechanismName::OAuthBearer));
    assert_eq!(MechanismName::parse(b"CRAM-MD5"), None);
}
