//! The UDP socket of the user agent.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use tokio::net::UdpSocket;

/// Receive and send buffers: room for some thousand messages while the loop is busy.
const BUFFER_BYTES: usize = 4 << 20;

/// The socket could not be bound.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen for SIP on {address}: {error}; choose a free address in `sip.listen`, or stop \
     the program that uses it"
)]
pub struct BindError {
    address: SocketAddr,
    #[source]
    error: io::Error,
}

/// Binds the user agent's socket; port 0 takes a free one.
///
/// # Errors
/// [`BindError`] if the address is in use or not on this machine.
pub fn bind_sip(address: SocketAddr) -> Result<UdpSocket, BindError> {
    udp_socket(address, BUFFER_BYTES)
        .and_then(|socket| UdpSocket::from_std(socket.into()))
        .map_err(|error| BindError { address, error })
}

/// A non-blocking UDP socket bound to `address`.
pub(super) fn udp_socket(address: SocketAddr, buffer_bytes: usize) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // The kernel caps these at its own limit; less than asked for still works.
    socket.set_recv_buffer_size(buffer_bytes)?;
    socket.set_send_buffer_size(buffer_bytes)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
