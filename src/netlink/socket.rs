//! A netlink socket to nf_tables: plain system calls, or libmnl's with the feature `libnftnl`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

#[cfg(not(feature = "libnftnl"))]
use netlink_sys::Socket as RawSocket;
use netlink_sys::protocols::NETLINK_NETFILTER;
use rustix::net::sockopt;

use super::error::Error;
#[cfg(feature = "libnftnl")]
use super::libnftnl::RawSocket;

/// What one read takes at most. The kernel fills a dump's datagrams up to 32 KiB.
const READ_LEN: usize = 64 * 1024;

/// How long the kernel may take for its next datagram. It takes its time only to walk a large set.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open socket.
#[derive(Debug)]
pub struct Socket {
    socket: RawSocket,
    buffer: Vec<u8>,
}

impl Socket {
    /// Opens one, with errors that say where in the message the trouble is.
    pub fn open() -> Result<Self, Error> {
        let mut socket = RawSocket::new(NETLINK_NETFILTER).map_err(|source| match source.raw_os_error() {
            Some(errno) if errno == rustix::io::Errno::PROTONOSUPPORT.raw_os_error() => Error::NoNfTables,
            _ => Error::Socket { doing: "open", source },
        })?;
        let failed = |doing| move |source| Error::Socket { doing, source };
        socket.bind_auto().map_err(failed("bind"))?;
        // Errors quote only the header of a message of megabytes, and say where in it they are.
        socket.set_cap_ack(true).map_err(failed("set up"))?;
        socket.set_ext_ack(true).map_err(failed("set up"))?;
        let waiting = sockopt::set_socket_timeout(socket.as_fd(), sockopt::Timeout::Recv, Some(PATIENCE));
        waiting.map_err(|errno| failed("set up")(errno.into()))?;
        Ok(Self { socket, buffer: Vec::with_capacity(READ_LEN) })
    }

    /// Sends `datagram` as one: in pieces a batch would not be atomic.
    pub fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let sent = loop {
            match self.socket.send(datagram, 0) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        if sent == datagram.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    /// The next datagram, waiting a minute for one at the most.
    pub fn receive(&mut self) -> io::Result<&[u8]> {
        match self.read(0) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(io::ErrorKind::TimedOut.into()),
            read => read,
        }
    }

    /// The next datagram that is there already, none when there is none. The kernel has queued all
    /// it has to say by the time `send` returns.
    pub fn receive_ready(&mut self) -> io::Result<Option<&[u8]>> {
        const MSG_DONTWAIT: i32 = rustix::net::RecvFlags::DONTWAIT.bits().cast_signed();
        match self.read(MSG_DONTWAIT) {
            Ok(datagram) => Ok(Some(datagram)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(&mut self, flags: i32) -> io::Result<&[u8]> {
        loop {
            self.buffer.clear();
            match self.socket.recv(&mut self.buffer, flags) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    result?;
                    return Ok(&self.buffer);
                }
            }
        }
    }

    /// Makes room for sending `bytes` at once.
    pub fn reserve_send(&mut self, bytes: usize) -> io::Result<()> {
        let socket = self.borrow();
        if sockopt::socket_send_buffer_size(socket)? < bytes + READ_LEN {
            // The forced size needs CAP_NET_ADMIN in the initial user namespace.
            sockopt::set_socket_send_buffer_size_force(socket, bytes + READ_LEN)
                .or_else(|_| sockopt::set_socket_send_buffer_size(socket, bytes + READ_LEN))?;
        }
        Ok(())
    }

    /// Makes room for `bytes` of answers to wait in.
    pub fn reserve_receive(&mut self, bytes: usize) -> io::Result<()> {
        let socket = self.borrow();
        if sockopt::socket_recv_buffer_size(socket)? < bytes {
            sockopt::set_socket_recv_buffer_size_force(socket, bytes)
                .or_else(|_| sockopt::set_socket_recv_buffer_size(socket, bytes))?;
        }
        Ok(())
    }

    /// Makes the room for answers as small as the kernel allows: how a test has it overrun.
    #[doc(hidden)]
    pub fn shrink_receive(&mut self) -> io::Result<()> {
        Ok(sockopt::set_socket_recv_buffer_size(self.borrow(), 1)?)
    }

    fn borrow(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
