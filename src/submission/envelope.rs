//! MAIL and RCPT: what is checked here, and what the relay hears of them.
//!
//! The path and the parameters that pass go on byte for byte. SIZE is dropped, because the scrubbed message has another one;
//! AUTH is dropped, because it says who wrote (RFC 4954 5 asks for it only between servers that trust each other).

use super::session::Params;
use crate::fault::Code;
use crate::private::Address;
use crate::smtp::answer;
use crate::smtp::command::number;
use crate::smtp::path::{Parameter, Parameters, Path};

/// What becomes of a parameter.
enum Fate {
    Pass,
    Drop,
    Refuse(Vec<u8>),
}

/// The order for the relay, and whether it is SMTPUTF8.
///
/// # Errors
/// The answer for the client.
pub(super) fn mail_order(
    params: &Params,
    path: Path<'_>,
    parameters: Parameters<'_>,
    owns: &dyn Fn(&Address) -> bool,
) -> Result<(Vec<u8>, bool), Vec<u8>> {
    let order = order(b"MAIL FROM:<", path, parameters, |parameter| mail_parameter(params, parameter))?;
    let utf8 = parameters.iter().any(|parameter| parameter.keyword.eq_ignore_ascii_case(b"SMTPUTF8"));
    spelled(path, utf8)?;
    let own = || std::str::from_utf8(path.reveal()).ok().and_then(Address::parse).is_some_and(|sender| owns(&sender));
    if !path.is_null() && !own() {
        return Err(answer::refusal(Code::NotYourAddress));
    }
    Ok((order, utf8))
}

/// The order for the relay.
///
/// # Errors
/// The answer for the client.
pub(super) fn rcpt_order(params: &Params, path: Path<'_>, parameters: Parameters<'_>, utf8: bool) -> Result<Vec<u8>, Vec<u8>> {
    spelled(path, utf8)?;
    order(b"RCPT TO:<", path, parameters, |parameter| {
        let keyword = parameter.keyword.to_ascii_uppercase();
        match &*keyword {
            b"NOTIFY" | b"ORCPT" if params.relay.dsn && parameter.value.is_some() => Fate::Pass,
            _ => Fate::Refuse(unknown()),
        }
    })
}

fn order(
    verb: &[u8],
    path: Path<'_>,
    parameters: Parameters<'_>,
    fate: impl Fn(Parameter<'_>) -> Fate,
) -> Result<Vec<u8>, Vec<u8>> {
    let mut order = [verb, path.reveal(), b">"].concat();
    for parameter in parameters.iter() {
        match fate(parameter) {
            Fate::Drop => {}
            Fate::Refuse(answer) => return Err(answer),
            Fate::Pass => {
                order.push(b' ');
                order.extend_from_slice(parameter.raw);
            }
        }
    }
    order.extend_from_slice(b"\r\n");
    Ok(order)
}

fn mail_parameter(params: &Params, parameter: Parameter<'_>) -> Fate {
    let keyword = parameter.keyword.to_ascii_uppercase();
    match (&*keyword, parameter.value) {
        (b"AUTH", Some(_)) => Fate::Drop,
        (b"SIZE", Some(size)) => match number(size) {
            Some(size) if size > params.limits.message => Fate::Refuse(answer::refusal(Code::MessageTooLong)),
            Some(_) => Fate::Drop,
            None => Fate::Refuse(answer::arguments()),
        },
        (b"BODY", Some(value)) => body(params, value),
        (b"SMTPUTF8", None) if params.relay.smtputf8 => Fate::Pass,
        (b"RET" | b"ENVID", Some(_)) if params.relay.dsn => Fate::Pass,
        _ => Fate::Refuse(unknown()),
    }
}

fn body(params: &Params, value: &[u8]) -> Fate {
    let value = value.to_ascii_uppercase();
    match &*value {
        b"7BIT" | b"8BITMIME" if params.relay.eight_bit => Fate::Pass,
        b"7BIT" => Fate::Drop,
        // RFC 3030 3: what is not offered is answered as a parameter that is not implemented.
        b"BINARYMIME" => Fate::Refuse(answer::coded("504 5.5.4", "BINARYMIME is not offered", Code::NotHere)),
        b"8BITMIME" => Fate::Refuse(unknown()),
        _ => Fate::Refuse(answer::arguments()),
    }
}

fn unknown() -> Vec<u8> {
    answer::coded("555 5.5.4", "Parameter not known", Code::Syntax)
}

// RFC 6531 3.5: without SMTPUTF8 a path is ASCII; with it, it is UTF-8.
fn spelled(path: Path<'_>, utf8: bool) -> Result<(), Vec<u8>> {
    let good = path.is_ascii() || utf8 && std::str::from_utf8(path.reveal()).is_ok();
    if good { Ok(()) } else { Err(answer::coded("553 5.6.7", "This address needs SMTPUTF8", Code::Syntax)) }
}
