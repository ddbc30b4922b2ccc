//! `belfry call`.

use super::site::Site;
use std::net::UdpSocket;

/// The address of a trunk that never answers.
fn silent_trunk() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("bound").to_string();
    (socket, address)
}

#[test]
fn a_trunk_that_says_nothing_exits_1_with_a_receipt() {
    let (trunk, address) = silent_trunk();
    let site = Site::new(&address);
    let run = site.run(&["call", "+3225805000"]);
    assert_eq!(run.exit, Some(1), "{}", run.err);
    assert!(
        run.out.contains("INVITE sent") && run.out.contains("trunk_unavailable"),
        "{}",
        run.out
    );
    assert!(run.err.starts_with("error: the code was not read out"), "{}", run.err);
    let mut datagram = [0; 2048];
    let length = trunk.recv(&mut datagram).expect("the INVITE");
    assert!(datagram[..length].starts_with(b"INVITE sip:+3225805000@127.0.0.1"));
    assert!(!run.out.contains("25805000"), "the number is masked: {}", run.out);
    assert!(!site.path("belfry.db").exists(), "a test call leaves nothing behind");
}

#[test]
fn a_number_that_may_not_be_called_exits_1_without_a_call() {
    let (trunk, address) = silent_trunk();
    let site = Site::new(&address);
    for number in ["112", "+32112", "+31201234567", "+32"] {
        let run = site.run(&["call", number]);
        assert_eq!(run.exit, Some(1), "{number}: {}", run.out);
        assert!(run.err.starts_with("error: "), "{number}: {}", run.err);
    }
    trunk.set_nonblocking(true).expect("a socket");
    assert!(trunk.recv(&mut [0; 1]).is_err(), "nothing was sent");
}

#[test]
fn an_unknown_service_exits_1_and_is_named() {
    let site = Site::new("127.0.0.1:9");
    let run = site.run(&["call", "+3225805000", "--service", "panel"]);
    assert_eq!(run.exit, Some(1));
    assert!(run.err.contains("`panel`"), "{}", run.err);
}
