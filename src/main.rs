//! The order of start, on one screen: arguments, config, harden, bind, drop root, keys, runtime, serve.
//!
//! `main` is no `#[tokio::main]`: what binds the whole process has to come before the first thread.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use nologd::cli::{self, Arguments, Command, complain};
use nologd::config::{self, Trouble};
use nologd::event::{self, Event, emit};
use nologd::{life, sandbox};

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run { config } => run(&config),
        Command::Check { config } => cli::check(&config),
        Command::Audit(arguments) => nologd::audit::run(&arguments, cli::say, complain),
        Command::Statement(arguments) => nologd::statement::run(&arguments, cli::say, complain),
        Command::Demo { check } => nologd::demo::run(check),
        Command::Help { code, lang } => cli::help(code.as_deref(), &lang),
    }
}

fn run(file: &Path) -> ExitCode {
    event::install();
    event::install_hook();
    for rule in sandbox::harden() {
        emit(Event::NotEnforced { rule: rule as u64 });
    }
    let refused = ExitCode::from(cli::REFUSED);
    let Some(mut config) = cli::load(file) else { return refused };
    // As root, if we are: ports below 1024 and keys that only root reads.
    let built = match config::build(&config) {
        Ok(built) => built,
        Err(trouble) => return refuse(&trouble),
    };
    if let Err(why) = sandbox::become_user(config.user.as_deref()) {
        complain(match why {
            sandbox::NoUser::Missing => "started as root: say in the config which user to become (user = \"nologd\")",
            sandbox::NoUser::Unknown => "the user of the config does not exist on this machine",
            sandbox::NoUser::Refused => "the kernel did not let us become the user of the config",
        });
        return refused;
    }
    let context = match config::context(&mut config) {
        Ok(context) => context,
        Err(trouble) => return refuse(&trouble),
    };
    // For signals and the minute's work; sessions have threads of their own.
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return refuse(&Trouble::Crypto);
    };
    match runtime.block_on(life::live(config, file, built, context)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => refuse(&trouble),
    }
}

fn refuse(trouble: &Trouble) -> ExitCode {
    complain(&trouble.to_string());
    ExitCode::from(cli::REFUSED)
}
