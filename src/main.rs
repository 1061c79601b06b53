//! The order of start, on one screen: arguments, harden, config, bind, drop root, sandbox, keys, runtime, serve.
//!
//! `main` is no `#[tokio::main]`: what binds the whole process has to come before the first thread.

use std::alloc::System;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use zeroizing_alloc::ZeroAlloc;

use nologd::cli::{self, Arguments, Command, complain};
use nologd::config::{self, Config, ConfigFile, StartTrouble};
use nologd::event;
use nologd::run::{self, End, Systemd, Waited};
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
        Command::Demo { check, webmail, nodes } => nologd::demo::run(check, webmail, nodes),
        Command::Help { code, all, format, lang } => cli::help(code.as_deref(), all, format, lang),
        Command::Dns(arguments) => cli::dns(&arguments),
        Command::Sync(arguments) => cli::sync(arguments),
        Command::Usage(command) => cli::usage(command),
        Command::Admin(command) => cli::admin(command),
        Command::Store(command) => cli::store(command),
        Command::Node(command) => cli::node(command),
        Command::Share(command) => cli::share(command),
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
        Ok(End::Stopped) => ExitCode::SUCCESS,
        // systemd starts it again, to wait.
        Ok(End::SteppedBack) => ExitCode::from(run::AGAIN_LATER),
        Err(trouble) => refuse(&trouble),
    }
}

fn start(mut config: Config, file: &ConfigFile, mut missing: Vec<Unenforced>) -> Result<End, StartTrouble> {
    // As root, if we are: ports below 1024, keys that only root reads, and as many open files as the limits need.
    let descriptors = sandbox::descriptors(config::descriptors(&config));
    let built = config::build(&config)?;
    let systemd = Systemd::find();
    sandbox::become_user(config.user.as_deref()).map_err(StartTrouble::User)?;
    missing.extend(sandbox::harden());
    config::state_folder(&config.state_dir)?;
    // From here on the kernel holds us to the policy: before the store, and before the first thread.
    let enforcement = config::confine(&config, file.path(), missing)?;
    config::tell_reload(&config, file);
    // For signals and the minute's work; sessions have threads of their own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|_| StartTrouble::Crypto)?;
    let beside = match run::stand_by(&runtime, &config, &enforcement, &built, &systemd)? {
        Waited::Alone => None,
        Waited::Judges(beside) => Some(beside),
        Waited::Ends(end) => return Ok(end),
    };
    let context = config::context(
        &mut config,
        enforcement,
        descriptors,
        built.certificates.as_ref(),
        beside.as_ref(),
        built.nodes.as_ref().map(|(.., others)| others),
    )?;
    let end = runtime.block_on(run::serve_until_stopped(config, file, built, context, systemd, beside.as_ref()))?;
    // Nothing that was granted is under way any more, and the usage is written.
    beside.into_iter().for_each(run::leave);
    Ok(end)
}

fn refuse(trouble: &StartTrouble) -> ExitCode {
    complain(&trouble.to_string());
    ExitCode::from(cli::REFUSED)
}
