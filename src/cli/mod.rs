//! The terminal: what `belfry` is asked and what it answers.
//!
//! Exit codes: 0 done, 1 failed, 2 asked wrongly. Answers go to standard output, everything else to
//! standard error.

pub mod args;
mod call;
mod config;
mod demo;
mod key;
mod serve;

use anyhow::Context;
use args::{Arguments, Command, ConfigCommand, KeyCommand};
use clap::Parser;
use std::io::{self, Write};
use std::process::ExitCode;

/// Does what the program's arguments ask for.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match perform(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(args) => demo::demo(&args),
        Command::Serve(args) => serve::serve(&args),
        Command::Call(args) => call::call(&args),
        Command::Key(KeyCommand::Create(args)) => key::create(&args),
        Command::Config(ConfigCommand::Check(args)) => config::check(&args),
    }
}

/// The threads that wait for network and database.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Runtime::new().context("cannot start the runtime's threads")
}

/// Prints an answer.
///
/// # Errors
/// When standard output is closed or full.
fn answer(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// A reader such as `head` that has seen enough is no failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
