//! `nologd node`: two machines with one book (docs/nodes.md).

use std::process::ExitCode;

use super::arguments::NodeCommand;
use super::run::{run, told};
use super::{REFUSED, link, witness};
use crate::admin::node::ShowNode;

/// Carries it out.
pub fn node(command: NodeCommand) -> ExitCode {
    match command {
        NodeCommand::Show(asked) => run(asked),
        NodeCommand::TakeOver(asked) => run(asked),
        NodeCommand::StandBy(asked) => run(asked),
        NodeCommand::Check(place) => match place.socket() {
            // keepalived asks each second: it reads no words.
            Ok(socket) if told(&socket, &ShowNode {}).is_ok_and(|told| told.leads) => ExitCode::SUCCESS,
            Ok(_) => ExitCode::from(REFUSED),
            Err(code) => code,
        },
        NodeCommand::Link { socket, command } => link::link(&socket, &command),
        NodeCommand::Witness(arguments) => witness::witness(&arguments),
    }
}
