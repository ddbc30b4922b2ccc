//! One PostgreSQL for all tests of this program: a cluster of its own in a temporary folder,
//! reached over a socket in that folder only, gone with the program.
//!
//! Needs Debian's package `postgresql`, or `initdb` and `pg_ctl` in the path.

use sqlx::Connection;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A running server, and the pipe whose end stops it.
struct Cluster {
    folder: PathBuf,
    _lifeline: ChildStdin,
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The address of a new, empty database.
pub async fn new_database() -> String {
    let folder = CLUSTER.get_or_init(start).folder.display().to_string();
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let address = |name: &str| format!("postgres://belfry@localhost/{name}?host={folder}");
    let admin = sqlx::PgConnection::connect(&address("postgres")).await;
    let create = format!("create database {name} template template0");
    let created = sqlx::raw_sql(sqlx::AssertSqlSafe(create));
    created.execute(&mut admin.expect("the server is up")).await.expect("a new database");
    address(&name)
}

fn start() -> Cluster {
    let folder = tempfile::tempdir().expect("a temporary folder").keep();
    let (data, log) = (folder.join("data"), folder.join("log"));
    if is_root() {
        run(Command::new("chown").arg("postgres").arg(&folder));
    }
    run(unprivileged("initdb", &data).args([
        "--auth=trust",
        "--username=belfry",
        "--no-sync",
        "--locale=C",
        "--encoding=UTF8",
    ]));
    let options = format!("-c listen_addresses='' -c fsync=off -k {}", folder.display());
    run(unprivileged("pg_ctl", &data).arg("--log").arg(log).args(["--options", &options, "start"]));
    // Reads until this program is gone, however it ends, and then clears up.
    let script = r#"read _; "$@" --mode=immediate stop; rm -rf "$0""#;
    let mut guard = Command::new("sh");
    guard.arg("-c").arg(script).arg(&folder);
    let stop = unprivileged("pg_ctl", &data);
    guard.arg(stop.get_program()).args(stop.get_args());
    guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let lifeline = guard.spawn().expect("a shell").stdin.take().expect("it was piped");
    Cluster { folder, _lifeline: lifeline }
}

/// Where Debian keeps a program of the server: outside of the path, a folder for each version. Else
/// the path is asked.
fn found(program: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let programs = versions.map(|version| version.path().join("bin").join(program));
    programs.filter(|path| path.exists()).max().unwrap_or_else(|| program.into())
}

/// PostgreSQL refuses to run as root; Debian's package brings a user for it.
fn unprivileged(program: &str, data: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
        command.arg(found(program));
        command
    } else {
        Command::new(found(program))
    };
    command.arg("--pgdata").arg(data);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("the program id");
    id.stdout.trim_ascii() == b"0"
}

fn run(command: &mut Command) {
    let done = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    let done = done.unwrap_or_else(|error| {
        panic!("{command:?} does not start ({error}): install PostgreSQL, see the README")
    });
    assert!(done.success(), "{command:?} failed");
}
