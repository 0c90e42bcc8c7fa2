//! Notifications: who changes our table, as it is changed.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;

use netlink_sys::{Socket, protocols::NETLINK_NETFILTER};
use rustix::io::Errno;
use rustix::net::sockopt;

use super::attribute::Attributes;
use super::error::Error;
use super::message::{FAMILY_INET, Kind, Message, Messages, SUBSYSTEM};
use crate::printable::printable;
use crate::ruleset::TABLE_NAME;

/// `NFNLGRP_NFTABLES` of `include/uapi/linux/netfilter/nfnetlink.h`.
const GROUP: u32 = 7;
/// Room for notifications to wait in, in bytes; `net.core.rmem_default` is a fifth of it.
const RECEIVE_BYTES: usize = 1 << 20;
/// What one read takes at most.
const READ_LEN: usize = 64 * 1024;

/// The name of the table in the messages of all its objects (`NFTA_TABLE_NAME`, `NFTA_CHAIN_TABLE`,
/// `NFTA_RULE_TABLE`, `NFTA_SET_TABLE`, `NFTA_SET_ELEM_LIST_TABLE`, `NFTA_OBJ_TABLE`, `NFTA_FLOWTABLE_TABLE`).
const IN_TABLE: u16 = 1;
/// `NFTA_GEN_ID`.
const NFTA_GEN_ID: u16 = 1;
/// `NFTA_GEN_PROC_PID`.
const NFTA_GEN_PROC_PID: u16 = 2;
/// `NFTA_GEN_PROC_NAME`.
const NFTA_GEN_PROC_NAME: u16 = 3;

/// What a [`Watch`] has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Somebody's batch changed something in our table.
    Changed {
        /// The ruleset's generation number since then.
        generation: u32,
        /// Who it was.
        by: Process,
    },
    /// Notifications were lost: anything may have happened.
    Overrun,
}

/// Who sent a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Process {
    /// Its process ID, as the initial namespace numbers it.
    pub pid: u32,
    /// Its name, of at most 15 bytes.
    pub name: String,
}

/// A socket that hears of all changes in the nf_tables of this network namespace.
#[derive(Debug)]
pub struct Watch {
    socket: Socket,
    buffer: Vec<u8>,
    gathered: Gathered,
    seen: VecDeque<Seen>,
}

impl Watch {
    /// Opens one: what changes from now on is heard.
    ///
    /// # Errors
    /// [`Error::Socket`], also without CAP_NET_ADMIN.
    pub fn open() -> Result<Self, Error> {
        let failed = |doing| move |source| Error::Socket { doing, source };
        let mut socket = Socket::new(NETLINK_NETFILTER).map_err(failed("open"))?;
        socket.bind_auto().map_err(failed("bind"))?;
        // The forced size needs CAP_NET_ADMIN in the initial user namespace. With less room, more is lost.
        sockopt::set_socket_recv_buffer_size_force(socket.as_fd(), RECEIVE_BYTES)
            .or_else(|_| sockopt::set_socket_recv_buffer_size(socket.as_fd(), RECEIVE_BYTES))
            .map_err(|errno| failed("enlarge the receive buffer of")(errno.into()))?;
        socket.add_membership(GROUP).map_err(failed("hear of changes through"))?;
        Ok(Self {
            socket,
            buffer: Vec::with_capacity(READ_LEN),
            gathered: Gathered::default(),
            seen: VecDeque::default(),
        })
    }

    /// The next change of our table; waits for it.
    ///
    /// # Errors
    /// [`Error::Socket`]; then it is to be opened anew.
    pub fn wait(&mut self) -> Result<Seen, Error> {
        loop {
            if let Some(seen) = self.seen.pop_front() {
                return Ok(seen);
            }
            self.buffer.clear();
            match self.socket.recv(&mut self.buffer, 0) {
                Ok(_) => self.seen.extend(self.gathered.take(&self.buffer)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => return Ok(Seen::Overrun),
                Err(source) => return Err(Error::Socket { doing: "hear of changes through", source }),
            }
        }
    }
}

/// What is known of the batch whose notifications are coming in. They end with that of its generation.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    ours: bool,
}

impl Gathered {
    /// Takes a datagram, and gives what is through.
    pub(super) fn take(&mut self, datagram: &[u8]) -> Vec<Seen> {
        Messages(datagram).filter_map(|message| self.take_message(&message)).collect()
    }

    fn take_message(&mut self, message: &Message) -> Option<Seen> {
        if message.is(Kind::NewGen) {
            return std::mem::take(&mut self.ours).then(|| changed(message.attributes()));
        }
        self.ours = self.ours || is_ours(message);
        None
    }
}

/// Whether it is about an object of our table: no more is read of it.
fn is_ours(message: &Message) -> bool {
    let name = || message.attributes().flatten().find(|attribute| attribute.kind == IN_TABLE);
    message.kind >> 8 == SUBSYSTEM
        && message.payload.first() == Some(&FAMILY_INET)
        && name().is_some_and(|name| name.payload.strip_suffix(&[0]) == Some(TABLE_NAME.as_bytes()))
}

fn changed(attributes: Attributes) -> Seen {
    let (mut generation, mut by) = (0, Process::default());
    for attribute in attributes.flatten() {
        match attribute.kind {
            NFTA_GEN_ID => generation = attribute.u32().unwrap_or_default(),
            NFTA_GEN_PROC_PID => by.pid = attribute.u32().unwrap_or_default(),
            NFTA_GEN_PROC_NAME => by.name = printable(attribute.string().unwrap_or_default()),
            _ => {}
        }
    }
    Seen::Changed { generation, by }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::attribute::Writer;
    use crate::netlink::message::{self, FAMILY_IPV4};

    fn notification(bytes: Vec<u8>, kind: Kind, family: u8, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
        message::append(bytes, kind.number(), 0, 0, family, 0, write)
    }

    fn end(bytes: Vec<u8>, generation: u32) -> Vec<u8> {
        notification(bytes, Kind::NewGen, 0, |writer| {
            writer.u32(NFTA_GEN_ID, generation);
            writer.u32(NFTA_GEN_PROC_PID, 77);
            writer.string(NFTA_GEN_PROC_NAME, "nft");
        })
    }

    #[test]
    fn only_batches_that_touch_our_table_are_told_once_they_are_through() {
        let of = |table: &'static str| move |writer: &mut Writer| writer.string(IN_TABLE, table);
        let by = Process { pid: 77, name: "nft".to_owned() };
        let mut gathered = Gathered::default();
        for (kind, family, table) in [
            (Kind::NewTable, FAMILY_IPV4, "dockwall"),
            (Kind::NewRule, FAMILY_INET, "dockwall2"),
            (Kind::NewRule, FAMILY_INET, "docker"),
        ] {
            let datagram = end(notification(Vec::new(), kind, family, of(table)), 5);
            assert_eq!(gathered.take(&datagram), [], "{kind:?} {table}");
        }
        for kind in [Kind::DelTable, Kind::NewChain, Kind::DelRule, Kind::NewSetElem] {
            assert_eq!(gathered.take(&notification(Vec::new(), kind, FAMILY_INET, of("dockwall"))), []);
            assert_eq!(gathered.take(&notification(Vec::new(), kind, FAMILY_INET, of("docker"))), []);
            let seen = gathered.take(&end(Vec::new(), 6));
            assert_eq!(seen, [Seen::Changed { generation: 6, by: by.clone() }], "{kind:?}");
            assert_eq!(gathered.take(&end(Vec::new(), 7)), [], "{kind:?}");
        }
    }
}
