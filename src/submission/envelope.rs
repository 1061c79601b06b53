//! MAIL and RCPT: what is checked here, and what the relay hears of them.
//!
//! The path and the parameters that pass go on byte for byte. SIZE is dropped, because the scrubbed message has another one;
//! AUTH is dropped, because it says who wrote (RFC 4954 5 asks for it only between servers that trust each other). ENVID is
//! mapped, because programs put the Message-ID in it that they made; ORCPT is the recipient, and stays.

use super::environment::{SubmissionEnvironment, SubmissionParams};
use crate::fault::RefusalCode;
use crate::private::Address;
use crate::smtp::answer;
use crate::smtp::command::number;
use crate::smtp::path::{Parameter, Parameters, Path};

/// What becomes of a parameter.
enum ParameterFate {
    Pass,
    Drop,
    /// This stands in its place.
    Replace(Vec<u8>),
    Refuse(Vec<u8>),
}

/// The command for the relay, and whether it is SMTPUTF8.
///
/// # Errors
/// The answer for the client.
pub(super) fn mail_command(
    params: &SubmissionParams,
    env: &dyn SubmissionEnvironment,
    user: &Address,
    path: Path<'_>,
    parameters: Parameters<'_>,
) -> Result<(Vec<u8>, bool), Vec<u8>> {
    let envid = |old: &[u8]| env.envelope_id(user, old);
    let command = command(b"MAIL FROM:<", path, parameters, |parameter| mail_parameter(params, &envid, parameter))?;
    let utf8 = parameters.iter().any(|parameter| parameter.keyword.eq_ignore_ascii_case(b"SMTPUTF8"));
    spelled(path, utf8)?;
    let own = || std::str::from_utf8(path.reveal()).ok().and_then(Address::parse).is_some_and(|sender| env.owns(user, &sender));
    if !path.is_null() && !own() {
        return Err(answer::refusal(RefusalCode::NotYourAddress));
    }
    Ok((command, utf8))
}

/// The command for the relay.
///
/// # Errors
/// The answer for the client.
pub(super) fn rcpt_command(
    params: &SubmissionParams,
    path: Path<'_>,
    parameters: Parameters<'_>,
    utf8: bool,
) -> Result<Vec<u8>, Vec<u8>> {
    spelled(path, utf8)?;
    command(b"RCPT TO:<", path, parameters, |parameter| {
        let keyword = parameter.keyword.to_ascii_uppercase();
        match &*keyword {
            b"NOTIFY" | b"ORCPT" if params.relay.dsn && parameter.value.is_some() => ParameterFate::Pass,
            _ => ParameterFate::Refuse(unknown()),
        }
    })
}

fn command(
    verb: &[u8],
    path: Path<'_>,
    parameters: Parameters<'_>,
    fate: impl Fn(Parameter<'_>) -> ParameterFate,
) -> Result<Vec<u8>, Vec<u8>> {
    let mut command = [verb, path.reveal(), b">"].concat();
    for parameter in parameters.iter() {
        match fate(parameter) {
            ParameterFate::Drop => {}
            ParameterFate::Refuse(answer) => return Err(answer),
            ParameterFate::Replace(new) => {
                command.push(b' ');
                command.extend_from_slice(&new);
            }
            ParameterFate::Pass => {
                command.push(b' ');
                command.extend_from_slice(parameter.raw);
            }
        }
    }
    command.extend_from_slice(b"\r\n");
    Ok(command)
}

fn mail_parameter(params: &SubmissionParams, envid: &dyn Fn(&[u8]) -> String, parameter: Parameter<'_>) -> ParameterFate {
    let keyword = parameter.keyword.to_ascii_uppercase();
    match (&*keyword, parameter.value) {
        (b"AUTH", Some(_)) => ParameterFate::Drop,
        (b"SIZE", Some(size)) => match number(size) {
            Some(size) if size > params.limits.message => ParameterFate::Refuse(answer::refusal(RefusalCode::MessageTooLong)),
            Some(_) => ParameterFate::Drop,
            None => ParameterFate::Refuse(answer::arguments()),
        },
        (b"BODY", Some(value)) => body(params, value),
        (b"SMTPUTF8", None) if params.relay.smtputf8 => ParameterFate::Pass,
        (b"RET", Some(_)) if params.relay.dsn => ParameterFate::Pass,
        (b"ENVID", Some(value)) if params.relay.dsn => match xtext(value) {
            Some(old) => ParameterFate::Replace([b"ENVID=", envid(&old).as_bytes()].concat()),
            None => ParameterFate::Refuse(answer::arguments()),
        },
        _ => ParameterFate::Refuse(unknown()),
    }
}

fn body(params: &SubmissionParams, value: &[u8]) -> ParameterFate {
    let value = value.to_ascii_uppercase();
    match &*value {
        b"7BIT" | b"8BITMIME" if params.relay.eight_bit => ParameterFate::Pass,
        b"7BIT" => ParameterFate::Drop,
        // RFC 3030 3: what is not offered is answered as a parameter that is not implemented.
        b"BINARYMIME" => ParameterFate::Refuse(answer::coded("504 5.5.4", "BINARYMIME is not offered", RefusalCode::NotHere)),
        b"8BITMIME" => ParameterFate::Refuse(unknown()),
        _ => ParameterFate::Refuse(answer::arguments()),
    }
}

/// RFC 3461 4: what xtext stands for. `None` if it is none, or stands for nothing printable.
fn xtext(value: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => {
                let (digits, after) = rest.split_at_checked(2)?;
                rest = after;
                let upper = digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'));
                let digits = std::str::from_utf8(digits).ok().filter(|_| upper)?;
                plain.push(u8::from_str_radix(digits, 16).ok()?);
            }
            b'!'..=b'~' if *byte != b'=' => plain.push(*byte),
            _ => return None,
        }
    }
    // RFC 3461 4.4: printable characters only.
    plain.iter().all(|b| matches!(b, b' '..=b'~')).then_some(plain)
}

fn unknown() -> Vec<u8> {
    answer::coded("555 5.5.4", "Parameter not known", RefusalCode::Syntax)
}

// RFC 6531 3.5: without SMTPUTF8 a path is ASCII; with it, it is UTF-8.
fn spelled(path: Path<'_>, utf8: bool) -> Result<(), Vec<u8>> {
    let good = path.is_ascii() || utf8 && std::str::from_utf8(path.reveal()).is_ok();
    if good { Ok(()) } else { Err(answer::coded("553 5.6.7", "This address needs SMTPUTF8", RefusalCode::Syntax)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::command::SmtpCommand;
    use crate::submission::invariants::{SubmissionTestEnvironment, test_params};

    fn commanded(line: &str) -> String {
        let Ok(SmtpCommand::Mail(path, parameters)) = SmtpCommand::parse(line.as_bytes()) else { panic!("{line}") };
        let user = Address::parse("alice@asso.example").unwrap();
        let command = mail_command(&test_params(), &SubmissionTestEnvironment::new(), &user, path, parameters);
        let text = command.map_or_else(|answer| answer, |(command, _)| command);
        String::from_utf8(text).unwrap().trim_end().to_owned()
    }

    #[test]
    fn an_envelopes_identifier_is_mapped_like_a_message_id() {
        let start = "MAIL FROM:<alice@asso.example>";
        let told = commanded(&format!("{start} RET=HDRS ENVID=2026.1+2B2@laptop.local"));
        let (before, id) = told.split_once("ENVID=").unwrap();
        assert_eq!(before, format!("{start} RET=HDRS "));
        assert!(id.len() == 58 && id.ends_with("@asso.example") && !id.contains("laptop"));
        // What comes back is known to be ours; brackets make no difference, as in the header.
        assert_eq!(commanded(&format!("{start} ENVID={id}")), format!("{start} ENVID={id}"));
        assert_eq!(commanded(&format!("{start} ENVID=<2026.1+2B2@laptop.local>")), format!("{start} ENVID={id}"));
        for bad in ["+2b", "+2", "+00", "a=b"] {
            assert!(commanded(&format!("{start} ENVID={bad}")).starts_with("501 "), "{bad}");
        }
    }

    #[test]
    fn a_long_domain_does_not_make_it_longer_than_the_rfc_allows() {
        let user = Address::parse(&format!("alice@{}.example", "x".repeat(60))).unwrap();
        let id = SubmissionTestEnvironment::new().envelope_id(&user, b"1@laptop.local");
        assert!(id.len() == 45 && !id.contains('@'));
    }
}
