//! Notifications: that links, addresses or routes change.

use std::io;
use std::os::fd::AsFd;

use netlink_packet_core::NetlinkBuffer;
use netlink_sys::{Socket, protocols::NETLINK_ROUTE};
use rustix::io::Errno;
use rustix::net::sockopt;

use super::facts_error::FactsError;
use super::route::Route;

/// `RTNLGRP_LINK`, `RTNLGRP_IPV4_IFADDR`, `RTNLGRP_IPV4_ROUTE`, `RTNLGRP_IPV6_IFADDR` and
/// `RTNLGRP_IPV6_ROUTE` of `include/uapi/linux/rtnetlink.h`.
const GROUPS: [u32; 5] = [1, 5, 7, 9, 11];
/// `RTM_NEWROUTE` and `RTM_DELROUTE` of the same.
const ROUTES: [u16; 2] = [24, 25];
/// Room for notifications to wait in, in bytes; `net.core.rmem_default` is a fifth of it.
const RECEIVE_BYTES: usize = 1 << 20;
/// What one read takes at most.
const READ_LEN: usize = 64 * 1024;

/// A socket that hears of what [`Facts`](super::Facts) are made of, in this thread's network namespace.
pub struct FactsWatch {
    socket: Socket,
    buffer: Vec<u8>,
}

impl FactsWatch {
    /// Opens one: what changes from now on is heard. Needs no privilege.
    ///
    /// # Errors
    /// [`FactsError::Socket`].
    pub fn open() -> Result<Self, FactsError> {
        let failed = |doing| move |source| FactsError::Socket { doing, source };
        let mut socket = Socket::new(NETLINK_ROUTE).map_err(failed("open"))?;
        socket.bind_auto().map_err(failed("bind"))?;
        // The forced size needs CAP_NET_ADMIN in the initial user namespace. With less room, more is lost.
        sockopt::set_socket_recv_buffer_size_force(socket.as_fd(), RECEIVE_BYTES)
            .or_else(|_| sockopt::set_socket_recv_buffer_size(socket.as_fd(), RECEIVE_BYTES))
            .map_err(|errno| failed("enlarge the receive buffer of")(errno.into()))?;
        for group in GROUPS {
            socket.add_membership(group).map_err(failed("hear of changes through"))?;
        }
        Ok(Self { socket, buffer: Vec::with_capacity(READ_LEN) })
    }

    /// Waits until something has changed that facts are made of, or may have: notifications that are lost
    /// count as well.
    ///
    /// # Errors
    /// [`FactsError::Socket`]; then it is to be opened anew.
    pub fn wait(&mut self) -> Result<(), FactsError> {
        loop {
            self.buffer.clear();
            match self.socket.recv(&mut self.buffer, 0) {
                Ok(_) if tells(&self.buffer) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => return Ok(()),
                Err(source) => return Err(FactsError::Socket { doing: "hear of changes through", source }),
            }
        }
    }
}

/// Whether a datagram tells of something else than routes through routers, of which a host may learn
/// thousands a second. What makes no sense may be anything.
fn tells(mut datagram: &[u8]) -> bool {
    while !datagram.is_empty() {
        let Ok(message) = NetlinkBuffer::new_checked(datagram) else {
            return true;
        };
        let is_other_route = ROUTES.contains(&message.message_type())
            && Route::decode(message.payload()).is_ok_and(|routes| routes.is_empty());
        if !is_other_route {
            return true;
        }
        datagram = datagram.get((message.length() as usize).next_multiple_of(4)..).unwrap_or_default();
    }
    false
}
