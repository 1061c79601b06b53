//! Writes the man pages and the shell completions into a folder: `cargo run --example papers -- FOLDER`.
//!
//! Made from what the command line knows about itself, so that they cannot say anything else. Absent on purpose: any of it in the program.

mod make;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        nologd::cli::complain("say the folder to write to");
        return ExitCode::from(nologd::cli::USAGE);
    };
    match make::all(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            nologd::cli::complain(&format!("{}: {error}", folder.display()));
            ExitCode::FAILURE
        }
    }
}
