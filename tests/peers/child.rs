//! Programs started by the tests: on free ports, ended when dropped, waited for by what they do.

use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// How often a condition is looked at while it is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Looks until `found` has something, and panics with `what` when that takes longer than `limit`.
pub fn wait_for<T>(what: &str, limit: Duration, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}: not within {limit:?}");
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// The first of `count` consecutive ports that are free for UDP and TCP on the loopback, starting
/// with an even one. Never the same twice in this process, and below the ports that the system
/// gives to others.
pub fn free_ports(count: u16) -> u16 {
    const FIRST: u16 = 10_240;
    const SPAN: u16 = 20_480;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = (std::process::id() % 64) as u16 * (SPAN / 64);
    for _ in 0..SPAN {
        let step = NEXT.fetch_add(count.next_multiple_of(2), Ordering::Relaxed);
        let first = FIRST + (own + step % SPAN) % SPAN;
        let free = |port| {
            UdpSocket::bind(("127.0.0.1", port)).is_ok()
                && TcpListener::bind(("127.0.0.1", port)).is_ok()
        };
        if (first..first + count).all(free) {
            return first;
        }
    }
    panic!("no {count} consecutive ports are free");
}

/// Whether somebody listens on this UDP port of the loopback, as the kernel tells it.
pub fn udp_is_bound(port: u16) -> bool {
    let wanted = format!("0100007F:{port:04X}");
    let table = std::fs::read_to_string("/proc/net/udp").expect("Linux lists its UDP sockets");
    table.lines().any(|line| line.split_whitespace().nth(1) == Some(&wanted))
}

/// A running program, killed when dropped.
pub struct Process {
    name: &'static str,
    child: Child,
}

impl Process {
    /// Starts `command` with nothing on its input and all it prints in the file `output`.
    pub fn start(name: &'static str, command: &mut Command, output: &Path) -> Self {
        let file = std::fs::File::create(output).expect("the test's folder is writable");
        let errors = file.try_clone().expect("a file handle can be copied");
        let child = command.stdin(Stdio::null()).stdout(file).stderr(errors).spawn();
        let child = child.unwrap_or_else(|error| {
            panic!("{name} does not start ({error}); `bash tests/run` installs it")
        });
        Self { name, child }
    }

    /// The exit status, when it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of ours can be waited for")
    }

    /// Asks it to end with SIGTERM.
    pub fn terminate(&self) {
        let kill = format!("kill -TERM {}", self.child.id());
        let status = Command::new("sh").arg("-c").arg(kill).status();
        assert!(status.is_ok_and(|status| status.success()), "{} cannot be stopped", self.name);
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        wait_for(&what, limit, || self.ended())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
