//! A netlink socket to nf_tables: plain system calls, or libmnl's with the feature `libnftnl`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

#[cfg(not(feature = "libnftnl"))]
use netlink_sys::Socket as RawSocket;
use netlink_sys::protocols::NETLINK_NETFILTER;
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{RecvFlags, SendFlags, sockopt};

use super::error::Error;
#[cfg(feature = "libnftnl")]
use super::libnftnl::RawSocket;

/// What one read takes at most. The kernel fills a dump's datagrams up to 32 KiB.
const READ_LEN: usize = 64 * 1024;

/// How long the kernel may take for its next datagram. It takes its time only to walk a large set.
const PATIENCE: Duration = Duration::from_secs(60);

/// More datagrams than can wait in a receive buffer, and than the longest dump that was given up.
const MOST_STALE: usize = 1 << 20;
/// What the kernel says where it has no netfilter to talk to.
const NO_NETFILTER: [Errno; 3] = [Errno::PROTONOSUPPORT, Errno::NOPROTOOPT, Errno::INVAL];

/// An open socket.
#[derive(Debug)]
pub struct Socket {
    raw: Raw,
    buffer: Vec<u8>,
}

/// Where it is from.
#[derive(Debug)]
enum Raw {
    /// Opened here.
    Opened(RawSocket),
    /// Another process's, which set it up and has given a duplicate of its descriptor.
    Given(OwnedFd),
}

impl Socket {
    /// Opens one, with errors that say where in the message the trouble is.
    pub fn open() -> Result<Self, Error> {
        let mut socket = RawSocket::new(NETLINK_NETFILTER).map_err(|source| match source.raw_os_error() {
            // The first on Linux; the others where something stands for it.
            Some(errno) if NO_NETFILTER.iter().any(|other| other.raw_os_error() == errno) => Error::NoNfTables,
            _ => Error::Socket { doing: "open", source },
        })?;
        let failed = |doing| move |source| Error::Socket { doing, source };
        socket.bind_auto().map_err(failed("bind"))?;
        // Errors quote only the header of a message of megabytes, and say where in it they are.
        socket.set_cap_ack(true).map_err(failed("set up"))?;
        socket.set_ext_ack(true).map_err(failed("set up"))?;
        let waiting = sockopt::set_socket_timeout(socket.as_fd(), sockopt::Timeout::Recv, Some(PATIENCE));
        waiting.map_err(|errno| failed("set up")(errno.into()))?;
        Ok(Self { raw: Raw::Opened(socket), buffer: Vec::with_capacity(READ_LEN) })
    }

    /// The socket of another process. Answers to what that process asked, or another one before this, may
    /// still be waiting in it.
    pub fn given(descriptor: OwnedFd) -> Self {
        Self { raw: Raw::Given(descriptor), buffer: Vec::with_capacity(READ_LEN) }
    }

    /// Its address, by which the kernel knows whose a table is.
    pub fn port(&self) -> io::Result<u32> {
        Ok(SocketAddrNetlink::try_from(rustix::net::getsockname(self.borrow())?)?.pid())
    }

    /// Another descriptor of the same socket.
    pub fn duplicate(&self) -> io::Result<OwnedFd> {
        self.borrow().try_clone_to_owned()
    }

    /// Takes out what answers to former requests are still waiting, as those of a process that was killed.
    /// The kernel goes on with a dump as long as it is read.
    pub fn drain(&mut self) -> io::Result<()> {
        for _ in 0..MOST_STALE {
            match self.receive_ready() {
                Ok(None) => return Ok(()),
                Ok(Some(_)) => {}
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Sends `datagram` as one: in pieces a batch would not be atomic.
    pub fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let sent = loop {
            let sent = match &self.raw {
                Raw::Opened(socket) => socket.send(datagram, 0),
                Raw::Given(socket) => Ok(rustix::net::send(socket, datagram, SendFlags::empty())?),
            };
            match sent {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        if sent == datagram.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    /// The next datagram, waiting a minute for one at the most.
    pub fn receive(&mut self) -> io::Result<&[u8]> {
        match self.read(RecvFlags::empty()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(io::ErrorKind::TimedOut.into()),
            read => read,
        }
    }

    /// The next datagram that is there already, none when there is none. The kernel has queued all
    /// it has to say by the time `send` returns.
    pub fn receive_ready(&mut self) -> io::Result<Option<&[u8]>> {
        match self.read(RecvFlags::DONTWAIT) {
            Ok(datagram) => Ok(Some(datagram)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(&mut self, flags: RecvFlags) -> io::Result<&[u8]> {
        loop {
            self.buffer.clear();
            let received = match &mut self.raw {
                Raw::Opened(socket) => socket.recv(&mut self.buffer, flags.bits().cast_signed()).map(|_| ()),
                Raw::Given(socket) => receive(socket, &mut self.buffer, flags),
            };
            match received {
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
        match &self.raw {
            Raw::Opened(socket) => socket.as_fd(),
            Raw::Given(socket) => socket.as_fd(),
        }
    }
}

fn receive(socket: &OwnedFd, buffer: &mut Vec<u8>, flags: RecvFlags) -> io::Result<()> {
    let room = buffer.capacity().max(READ_LEN);
    buffer.resize(room, 0);
    let received = rustix::net::recv(socket, buffer.as_mut_slice(), flags);
    buffer.truncate(received.as_ref().map_or(0, |(len, _)| *len));
    received.map(|_| ()).map_err(Into::into)
}
