//! Carries out a command that the running daemon answers.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::daemon_options::{DaemonCommand, DaemonOptions};
use super::{REFUSED, USAGE, refuse, say, speak};
use crate::admin::status::ShowStatus;
use crate::admin::{AdminCommand, NotDone};
use crate::terminal;

pub(super) fn run<C: AdminCommand + Args>(
    DaemonCommand { command, daemon: DaemonOptions { place, output } }: DaemonCommand<C>,
) -> ExitCode {
    let socket = match place.socket() {
        Ok(socket) => socket,
        Err(code) => return code,
    };
    match speak::speak(&socket, &command) {
        Ok(Ok(told)) => {
            let text = match terminal::canvas() {
                _ if output.json => json(&told),
                Some(canvas) => C::draw(&told, canvas),
                None => C::print(&told),
            };
            say(text.trim_end());
            ExitCode::SUCCESS
        }
        Ok(Err(not_done)) => {
            let text = &not_done.text;
            refuse(output, &command.subject().map_or_else(|| text.clone(), |subject| format!("{subject}: {text}")));
            ExitCode::from(if not_done.is_usage() { USAGE } else { REFUSED })
        }
        Err(trouble) => {
            refuse(output, &trouble.text(&socket));
            ExitCode::from(REFUSED)
        }
    }
}

// By way of a value: the keys stand in the order of the alphabet.
fn json<T: Serialize>(told: &T) -> String {
    format!("{:#}", serde_json::to_value(told).unwrap_or_default())
}

/// The status of the daemon at `socket`, as JSON; or what to tell the admin.
pub fn status(socket: &Path) -> Result<serde_json::Value, String> {
    told(socket, &ShowStatus {}).map(|told| serde_json::to_value(told).unwrap_or_default())
}

/// What the daemon at `socket` answers; or what to tell the admin.
pub(super) fn told<C: AdminCommand>(socket: &Path, command: &C) -> Result<C::Told, String> {
    match speak::speak(socket, command) {
        Ok(Ok(told)) => Ok(told),
        Ok(Err(NotDone { text, .. })) => Err(text),
        Err(trouble) => Err(trouble.text(socket)),
    }
}

/// The same amid something that ends where it is refused: what to tell the admin stays in `refused`.
pub(super) fn heard<C: AdminCommand>(socket: &Path, command: &C, refused: &mut Option<String>) -> io::Result<()> {
    told(socket, command).map(drop).map_err(|text| {
        *refused = Some(text);
        io::ErrorKind::Other.into()
    })
}
