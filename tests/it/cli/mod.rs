//! The real program, driven as an operator drives it.

mod call;
mod config_check;
mod demo;
mod key_create;
mod serve;
mod site;

use std::process::{Command, Output};

/// `belfry` with an empty environment, so that nothing of the machine's leaks in.
fn belfry(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belfry"));
    command.args(arguments).env_clear();
    command
}

/// What one run of the program left behind.
struct Run {
    exit: Option<i32>,
    out: String,
    err: String,
}

fn run(command: &mut Command) -> Run {
    let Output { status, stdout, stderr } = command.output().expect("the program was built");
    let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
    Run { exit: status.code(), out: text(stdout), err: text(stderr) }
}

#[test]
fn without_arguments_it_explains_itself_and_exits_2() {
    let run = run(&mut belfry(&[]));
    assert_eq!(run.exit, Some(2));
    assert!(run.err.contains("Usage: belfry <COMMAND>"), "{}", run.err);
}

#[test]
fn an_unknown_argument_exits_2_and_names_it() {
    let run = run(&mut belfry(&["config", "check", "--cofnig", "x"]));
    assert_eq!(run.exit, Some(2));
    assert!(run.err.contains("'--cofnig'") && run.err.contains("'--config'"), "{}", run.err);
}

#[test]
fn its_version_is_the_packages() {
    let run = run(&mut belfry(&["--version"]));
    assert_eq!(run.exit, Some(0));
    assert_eq!(run.out, format!("belfry {}\n", env!("CARGO_PKG_VERSION")));
}
