//! What connection tracking knows of a packet.

use std::net::IpAddr;

use crate::ruleset::{CT_STATE_INVALID, CT_STATUS_DNAT, FlowDirection};

/// The bits of `ct state` (`NF_CT_STATE_BIT` in `include/uapi/linux/netfilter/nf_conntrack_common.h`).
const ESTABLISHED: u32 = 1 << 1;
const NEW: u32 = 1 << 3;
const UNTRACKED: u32 = 1 << 6;

/// The flow of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It belongs to none and begins none.
    Invalid,
    /// It is not tracked at all, as neighbour discovery is not.
    Untracked,
    /// It has one.
    Tracked(Tracked),
}

/// The flow of a packet that has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tracked {
    /// The packet's direction in it.
    pub direction: FlowDirection,
    /// Whether no answer was seen yet.
    pub is_new: bool,
    /// Whether its destination was rewritten.
    pub translated: bool,
    /// What its first packet was addressed to, before any translation.
    pub destination: IpAddr,
    /// The port of that; 0 where the protocol has none.
    pub port: u16,
}

impl Flow {
    /// A flow that begins with a packet to that destination.
    pub fn new(destination: IpAddr, port: u16) -> Self {
        let (direction, is_new) = (FlowDirection::Original, true);
        Self::Tracked(Tracked { direction, is_new, translated: false, destination, port })
    }

    /// One that the other end began, with a packet to that destination.
    pub fn answer(destination: IpAddr, port: u16) -> Self {
        let (direction, is_new) = (FlowDirection::Reply, false);
        Self::Tracked(Tracked { direction, is_new, translated: false, destination, port })
    }

    /// One that begins with a packet to that destination, which was rewritten.
    pub fn translated(destination: IpAddr, port: u16) -> Self {
        let (direction, is_new) = (FlowDirection::Original, true);
        Self::Tracked(Tracked { direction, is_new, translated: true, destination, port })
    }

    /// `ct state`.
    pub(super) fn state(self) -> u32 {
        match self {
            Self::Invalid => CT_STATE_INVALID,
            Self::Untracked => UNTRACKED,
            Self::Tracked(Tracked { is_new: true, .. }) => NEW,
            Self::Tracked(_) => ESTABLISHED,
        }
    }

    /// What a packet without a flow has none of.
    pub(super) fn tracked(self) -> Option<Tracked> {
        match self {
            Self::Tracked(tracked) => Some(tracked),
            Self::Invalid | Self::Untracked => None,
        }
    }
}

impl Tracked {
    /// `ct status`, as far as rules of ours look at it.
    pub(super) fn status(self) -> u32 {
        if self.translated { CT_STATUS_DNAT } else { 0 }
    }
}
