//! libmnl's socket, with the methods of the one in `netlink_sys` that it stands in for.
#![allow(unsafe_code)]
#![deny(clippy::undocumented_unsafe_blocks)]

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use mnl::mnl_sys;
use nftnl::nftnl_sys::libc::{self, c_int};

/// What one read takes at most, and room to align it.
const READ_LEN: usize = 64 * 1024;
/// The alignment of a message's header.
const ALIGN: usize = align_of::<libc::nlmsghdr>();

/// A netlink socket.
pub struct RawSocket {
    socket: mnl::Socket,
    buffer: Vec<u8>,
}

// SAFETY: it owns the socket; libmnl keeps nothing of the thread that opened it.
unsafe impl Send for RawSocket {}

impl fmt::Debug for RawSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawSocket").field("fd", &self.socket.as_raw_fd()).finish_non_exhaustive()
    }
}

impl RawSocket {
    /// Opens one of that protocol.
    pub fn new(protocol: isize) -> io::Result<Self> {
        let bus = i32::try_from(protocol).ok().and_then(mnl::Bus::try_from).ok_or(io::ErrorKind::InvalidInput)?;
        let socket = Self { socket: mnl::Socket::open(bus)?, buffer: vec![0; READ_LEN + ALIGN] };
        // libmnl leaves it open to programs that are run later.
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        Ok(socket)
    }

    /// Binds it to an address of the kernel's choice.
    pub fn bind_auto(&mut self) -> io::Result<()> {
        self.socket.bind(0, mnl_sys::MNL_SOCKET_AUTOPID)
    }

    /// Has errors quote only the header of what they are about.
    pub fn set_cap_ack(&mut self, on: bool) -> io::Result<()> {
        self.set_option(libc::NETLINK_CAP_ACK, on)
    }

    /// Has errors say where and why.
    pub fn set_ext_ack(&mut self, on: bool) -> io::Result<()> {
        self.set_option(libc::NETLINK_EXT_ACK, on)
    }

    fn set_option(&self, option: c_int, on: bool) -> io::Result<()> {
        let mut value = c_int::from(on);
        // SAFETY: the socket is open, and the option's value is read from a number of that size.
        let result = unsafe {
            mnl_sys::mnl_socket_setsockopt(
                self.socket.as_raw_socket(),
                option,
                (&raw mut value).cast(),
                size_of::<c_int>() as u32,
            )
        };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Sends one datagram. libmnl knows no flags.
    pub fn send(&self, datagram: &[u8], _flags: c_int) -> io::Result<usize> {
        self.socket.send(datagram)
    }

    /// Appends the next datagram to `datagram`; with `MSG_DONTWAIT` only one that is there already.
    pub fn recv(&mut self, datagram: &mut Vec<u8>, flags: c_int) -> io::Result<()> {
        let dont_wait = flags & libc::MSG_DONTWAIT != 0;
        if dont_wait {
            // libmnl knows no flags here either.
            rustix::io::ioctl_fionbio(&*self, true)?;
        }
        let received = self.recv_into(datagram);
        if dont_wait {
            rustix::io::ioctl_fionbio(&*self, false)?;
        }
        received
    }

    fn recv_into(&mut self, datagram: &mut Vec<u8>) -> io::Result<()> {
        let start = self.buffer.as_ptr().align_offset(ALIGN);
        let aligned = self.buffer.get_mut(start..).unwrap_or_default();
        let len = self.socket.recv_raw(aligned)?;
        datagram.extend_from_slice(aligned.get(..len).unwrap_or_default());
        Ok(())
    }
}

impl AsFd for RawSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor stays open as long as the socket, which the result borrows.
        unsafe { BorrowedFd::borrow_raw(self.socket.as_raw_fd()) }
    }
}
