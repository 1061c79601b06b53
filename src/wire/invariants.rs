//! What must hold for any input, for tests and fuzzing. Panics where it does not; no program calls it.

use super::sasl::{MechanismName, SaslStep, initial_response, start};
use crate::private::Credential;

/// An exchange with each mechanism: the lines of `input` are the client's. A credential that comes out is told to a backend
/// in such a way that the backend reads the same one.
pub fn check_exchange(input: &[u8]) {
    for name in [MechanismName::Login, MechanismName::OAuthBearer, MechanismName::Plain, MechanismName::XOAuth2] {
        let mut lines = input.split(|byte| *byte == b'\n');
        let initial = lines.next().filter(|line| !line.is_empty());
        let mut step = start(name, initial);
        for line in lines {
            step = match step {
                SaslStep::Challenge(_, exchange) => exchange.answer(line),
                end => end,
            };
        }
        if let SaslStep::Done(credential) = step {
            told_as_it_came(&credential);
        }
    }
}

fn told_as_it_came(credential: &Credential) {
    let (name, response) = initial_response(credential);
    assert!(response.iter().all(u8::is_ascii_graphic), "the response could end the line");
    let SaslStep::Done(read) = start(name, Some(&response)) else { panic!("a backend cannot read the response") };
    assert!(read.user.reveal() == credential.user.reveal(), "another user");
    assert!(read.secret.reveal() == credential.secret.reveal(), "another secret");
}
