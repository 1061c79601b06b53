//! What can go wrong around the demo, said to the person at the terminal.

use std::fmt;
use std::io;

use super::program::Program;

/// Why a demo or a test could not be set up, or what its check found.
#[derive(Debug)]
pub enum Trouble {
    /// The program is not installed.
    Missing(Program),
    /// It ended at once, or never greeted.
    NotStarted(Program),
    /// It can be run by root only.
    NeedsRoot(Program),
    /// The temporary folder or a port could not be used.
    Folder(io::Error),
    /// No loopback port is free.
    NoPort,
    /// The user that runs this has no name.
    NoUser,
    /// A server answered something else than the check expected, at this step.
    Unexpected(&'static str),
    /// A connection of the check broke, at this step.
    Broken(&'static str, io::Error),
}

impl std::error::Error for Trouble {}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Missing(program) if program.packages().is_empty() => write!(out, "{} cannot be run", program.name()),
            Trouble::Missing(program) => {
                write!(out, "{} is not installed: apt install {}", program.name(), program.packages())
            }
            Trouble::NotStarted(program) => write!(out, "{} did not start", program.name()),
            Trouble::NeedsRoot(program) => write!(out, "{} can be run by root only", program.name()),
            Trouble::Folder(error) => write!(out, "the temporary folder or a port cannot be used: {error}"),
            Trouble::NoPort => out.write_str("no port of 127.0.0.1 is free"),
            Trouble::NoUser => out.write_str("the user or group that runs this, or nobody, has no name"),
            Trouble::Unexpected(step) => write!(out, "an answer was not as expected: {step}"),
            Trouble::Broken(step, error) => write!(out, "the connection broke ({error}): {step}"),
        }
    }
}
