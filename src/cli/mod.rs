//! The terminal: what `belfry` is asked and what it answers.
//!
//! Exit codes: 0 done, 1 failed, 2 asked wrongly. Answers go to standard output, everything else to
//! standard error.

pub mod args;
mod config;

use args::{Arguments, Command, ConfigCommand};
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
        Command::Config(ConfigCommand::Check(args)) => config::check(&args),
    }
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
