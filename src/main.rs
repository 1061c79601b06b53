//! The order of start, on one screen: arguments, harden, config, bind, drop root, sandbox, keys, runtime, serve.
//!
//! `main` is no `#[tokio::main]`: what binds the whole process has to come before the first thread.

use std::alloc::System;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use zeroizing_alloc::ZeroAlloc;

use nologd::cli::{self, Arguments, Command, complain};
use nologd::config::{self, Config, ConfigFile, Trouble};
use nologd::event;
use nologd::run::{self, Systemd};
use nologd::sandbox::{self, Unenforced};

// rustls and tokio free buffers with passwords in them as they are. Here they are overwritten first; it costs about one per cent.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run { config } => run(&config),
        Command::Check(arguments) => cli::check(&arguments),
        Command::Audit(arguments) => nologd::audit::run(&arguments, cli::say, complain),
        Command::Statement(arguments) => nologd::statement::run(&arguments, cli::say, complain, cli::status),
        Command::Demo { check, webmail } => nologd::demo::run(check, webmail),
        Command::Help { code, all, format, lang } => cli::help(code.as_deref(), all, format, lang),
        Command::Dns(arguments) => cli::dns(&arguments),
        Command::Sync(arguments) => cli::sync(arguments),
        Command::Usage(command) => cli::usage(command),
        Command::Admin(command) => cli::admin(command),
        Command::Store(command) => cli::store(command),
    }
}

fn run(file: &Path) -> ExitCode {
    event::install();
    event::install_hook();
    // A reload that is asked for too early must not end the start.
    run::hold();
    let missing = sandbox::harden();
    let Some(config) = cli::load(file) else { return ExitCode::from(cli::REFUSED) };
    event::print_only(config.policy.log.words());
    match start(config, &ConfigFile::open(file), missing) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => refuse(&trouble),
    }
}

fn start(mut config: Config, file: &ConfigFile, mut missing: Vec<Unenforced>) -> Result<(), Trouble> {
    // As root, if we are: ports below 1024, keys that only root reads, and as many open files as the limits need.
    let descriptors = sandbox::descriptors(config::descriptors(&config));
    let built = config::build(&config)?;
    let systemd = Systemd::find();
    sandbox::become_user(config.user.as_deref()).map_err(Trouble::User)?;
    missing.extend(sandbox::harden());
    config::state_folder(&config.state_dir)?;
    // From here on the kernel holds us to the policy: before the store, and before the first thread.
    let enforcement = config::confine(&config, file.path(), missing)?;
    config::tell_reload(&config, file);
    let context = config::context(&mut config, enforcement, descriptors, built.certificates.as_ref())?;
    // For signals and the minute's work; sessions have threads of their own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|_| Trouble::Crypto)?;
    runtime.block_on(run::serve_until_stopped(config, file, built, context, systemd))
}

fn refuse(trouble: &Trouble) -> ExitCode {
    complain(&trouble.to_string());
    ExitCode::from(cli::REFUSED)
}
