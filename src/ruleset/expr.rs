//! Expressions: the instructions of nf_tables' register machine
//! (`include/uapi/linux/netfilter/nf_tables.h`).
//!
//! Adding one: its data here, its bytes in `netlink/expr/`, its words in `text/`.

use std::fmt;

/// A register: 0 holds the verdict, 1 to 4 are 16 bytes wide, 8 to 23 name the same bytes in
/// words of 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Register(pub u32);

impl Register {
    /// Where an immediate puts a verdict.
    pub const VERDICT: Self = Self(0);
    /// The register that rules with one match work in.
    pub const R1: Self = Self(1);

    /// The register that begins at the given 4-byte word, named as the kernel names it: by the
    /// 16-byte register where one begins there.
    pub const fn at_word(word: u32) -> Self {
        if word.is_multiple_of(4) { Self(1 + word / 4) } else { Self(8 + word) }
    }

    /// The 4-byte word at which the register begins; none for the verdict register.
    pub const fn word(self) -> Option<u32> {
        match self.0 {
            1..=4 => Some((self.0 - 1) * 4),
            8..=23 => Some(self.0 - 8),
            _ => None,
        }
    }
}

/// One expression of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// Loads packet metadata.
    Meta {
        /// What is loaded.
        key: MetaKey,
        /// Where it goes.
        register: Register,
    },
    /// Loads connection-tracking data.
    Ct {
        /// What is loaded.
        key: CtKey,
        /// Of which direction of the flow, for what each direction has of its own.
        direction: Option<FlowDirection>,
        /// Where it goes.
        register: Register,
    },
    /// Loads what the routing table says of an address of the packet.
    Fib {
        /// What is loaded (`enum nft_fib_result`).
        result: u32,
        /// Of which address, and by what it is looked up (`enum nft_fib_flags`).
        flags: u32,
        /// Where it goes.
        register: Register,
    },
    /// Loads bytes of the packet.
    Payload {
        /// The header from whose start `offset` counts.
        base: PayloadBase,
        /// In bytes.
        offset: u32,
        /// In bytes.
        len: u32,
        /// Where they go.
        register: Register,
    },
    /// Breaks off unless the register compares as said.
    Cmp {
        /// What is compared.
        register: Register,
        /// How.
        op: CmpOp,
        /// With what, as many bytes as count.
        data: Vec<u8>,
    },
    /// `destination = (source & mask) ^ xor`.
    Bitwise {
        /// Read from here.
        source: Register,
        /// Written to here.
        destination: Register,
        /// As long as the operand.
        mask: Vec<u8>,
        /// As long as the operand.
        xor: Vec<u8>,
    },
    /// Breaks off unless the register lies between two values.
    Range {
        /// What is compared.
        register: Register,
        /// `Eq` for inside, `Neq` for outside.
        op: CmpOp,
        /// The lowest value inside.
        from: Vec<u8>,
        /// The highest value inside.
        to: Vec<u8>,
    },
    /// Breaks off unless the register's value is in a set.
    Lookup {
        /// The set, always by name.
        set: String,
        /// The key.
        register: Register,
        /// Breaks off when it *is* in the set.
        inverted: bool,
    },
    /// Adds the register's value to a set, and runs the element's own expressions.
    Dynset {
        /// The set, always by name.
        set: String,
        /// Whether an element that is there has its timeout renewed.
        op: DynsetOp,
        /// The key.
        register: Register,
        /// The expressions that each element gets a copy of.
        expressions: Vec<Expr>,
    },
    /// Breaks off above a rate.
    Limit(Limit),
    /// Writes the packet to the log.
    Log(Log),
    /// Counts.
    Counter {
        /// Packets so far.
        packets: u64,
        /// Bytes so far.
        bytes: u64,
    },
    /// Decides.
    Verdict(Verdict),
    /// Loads a constant.
    Immediate {
        /// Where it goes.
        register: Register,
        /// The constant.
        data: Vec<u8>,
    },
    /// Drops, and tells the sender.
    Reject(Reject),
    /// An expression that this program does not know, or knows without one of its attributes.
    Raw {
        /// Its name.
        name: String,
        /// Its attributes as the kernel sent them.
        data: Vec<u8>,
    },
}

impl Expr {
    /// The expression without the counts that the kernel adds.
    pub fn definition(&self) -> Self {
        match self {
            Self::Counter { .. } => Self::COUNTER,
            other => other.clone(),
        }
    }

    /// The name of the set or chain that it refers to.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Lookup { set, .. } | Self::Dynset { set, .. } => Some(set),
            Self::Verdict(Verdict::Jump(chain) | Verdict::Goto(chain)) => Some(chain),
            _ => None,
        }
    }

    /// A counter that begins at zero.
    pub const COUNTER: Self = Self::Counter { packets: 0, bytes: 0 };
}

/// What `meta` loads (`enum nft_meta_keys`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetaKey(pub u32);

impl MetaKey {
    /// The incoming interface's name, 16 bytes.
    pub const IIFNAME: Self = Self(6);
    /// The outgoing interface's name, 16 bytes.
    pub const OIFNAME: Self = Self(7);
    /// The network family, 1 byte: `NFPROTO_IPV4` 2, `NFPROTO_IPV6` 10.
    pub const NFPROTO: Self = Self(15);
    /// The transport protocol, 1 byte.
    pub const L4PROTO: Self = Self(16);
    /// Whom the frame is for, 1 byte: 0 the host, 1 everybody (broadcast), 2 a multicast group.
    pub const PKTTYPE: Self = Self(19);
    /// The incoming interface's kind, such as `bridge`, 16 bytes.
    pub const IIFKIND: Self = Self(26);
    /// The outgoing interface's kind, 16 bytes.
    pub const OIFKIND: Self = Self(27);
}

/// What `ct` loads (`enum nft_ct_keys`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CtKey(pub u32);

impl CtKey {
    /// The conntrack state as bits, 4 bytes in host order.
    pub const STATE: Self = Self(0);
    /// The direction of the packet in its flow, 1 byte: 0 original, 1 reply.
    pub const DIRECTION: Self = Self(1);
    /// What was done to the flow, as bits, 4 bytes in host order.
    pub const STATUS: Self = Self(2);
    /// The destination port in one direction, 2 bytes.
    pub const PROTO_DST: Self = Self(12);
    /// The IPv4 destination address in one direction (Linux 4.17).
    pub const DST_IP: Self = Self(20);
    /// The IPv6 destination address in one direction (Linux 4.17).
    pub const DST_IP6: Self = Self(22);
}

/// The interface that a route leads out by (`NFT_FIB_RESULT_OIF`).
pub const FIB_OIF: u32 = 1;
/// Nothing is wanted but whether there is a route (`NFTA_FIB_F_PRESENT`), 4 bytes.
pub const FIB_PRESENT: u32 = 1 << 5;
/// A look-up of the source address (`NFTA_FIB_F_SADDR`), for routes by the interface that the packet came
/// in by (`NFTA_FIB_F_IIF`): the way back of the packet.
pub const FIB_WAY_BACK: u32 = 1 | 1 << 3 | FIB_PRESENT;
/// The same of the destination address (`NFTA_FIB_F_DADDR`): whether the packet stays where it came from.
pub const FIB_STAYS: u32 = 1 << 1 | 1 << 3 | FIB_PRESENT;
/// Whether the destination address has a route by any interface: the host's own addresses have none
/// (`RTN_LOCAL` in `nft_fib4_eval`, `RTF_LOCAL` in `nft_fib6_eval`).
pub const FIB_WAY_OUT: u32 = 1 << 1 | FIB_PRESENT;

/// A direction of a flow (`enum ip_conntrack_dir`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowDirection {
    /// That of its first packet, before any address translation.
    Original = 0,
    /// That of the answers.
    Reply = 1,
}

/// The bit of [`CtKey::STATE`] for a packet that belongs to no flow and begins none
/// (`NF_CT_STATE_INVALID_BIT`).
pub const CT_STATE_INVALID: u32 = 1;
/// The bit of [`CtKey::STATUS`] for a flow whose destination was rewritten (`IPS_DST_NAT`).
pub const CT_STATUS_DNAT: u32 = 1 << 5;

/// Where a payload's offset counts from (`enum nft_payload_bases`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadBase(pub u32);

impl PayloadBase {
    /// The IPv4 or IPv6 header.
    pub const NETWORK: Self = Self(1);
    /// The TCP, UDP … header.
    pub const TRANSPORT: Self = Self(2);
}

/// How `cmp` and `range` compare (`enum nft_cmp_ops`; `range` has the first two).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CmpOp {
    /// Equal, or inside.
    Eq = 0,
    /// Not equal, or outside.
    Neq = 1,
    /// Less than.
    Lt = 2,
    /// At most.
    Lte = 3,
    /// Greater than.
    Gt = 4,
    /// At least.
    Gte = 5,
}

/// What `dynset` does with an element that is already there (`enum nft_dynset_ops`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DynsetOp {
    /// Leaves its timeout alone.
    Add = 0,
    /// Renews its timeout.
    Update = 1,
}

/// A rate: `rate` per `unit` seconds with a `burst`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Packets (or bytes) per unit; never 0, though the kernel would take it.
    pub rate: u64,
    /// In seconds: minute is 60.
    pub unit: u64,
    /// How many may come at once.
    pub burst: u32,
    /// Counts bytes instead of packets.
    pub bytes: bool,
    /// Breaks off *below* the rate instead of above.
    pub inverted: bool,
}

/// A log statement, to the kernel log or to a netlink group.
///
/// A level together with a group is refused by the kernel (EINVAL), so the type has no room for
/// both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// At most 127 bytes.
    pub prefix: Option<String>,
    /// Where it goes.
    pub target: LogTarget,
}

/// Where a log statement writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogTarget {
    /// The kernel log, at syslog level 0 to 7; 4 (warning) is the kernel's default.
    Kernel {
        /// The syslog level.
        level: u32,
    },
    /// Listeners of an NFLOG group.
    Group(u16),
}

/// The kernel's default log level: warning.
pub const LOG_LEVEL_WARNING: u32 = 4;

/// What a rule decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The packet goes on to the next base chain.
    Accept,
    /// The packet is gone.
    Drop,
    /// Evaluation goes on behind the jump that led here.
    Return,
    /// Evaluation goes on in that chain, and comes back.
    Jump(String),
    /// Evaluation goes on in that chain, and does not come back.
    Goto(String),
    /// A verdict code without a chain that is none of the above.
    Other(i32),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("accept"),
            Self::Drop => f.write_str("drop"),
            Self::Return => f.write_str("return"),
            Self::Jump(chain) => write!(f, "jump {chain}"),
            Self::Goto(chain) => write!(f, "goto {chain}"),
            Self::Other(-1) => f.write_str("continue"),
            Self::Other(-2) => f.write_str("break"),
            Self::Other(3) => f.write_str("queue"),
            Self::Other(code) => write!(f, "verdict {code}"),
        }
    }
}

/// How the sender learns of it (`enum nft_reject_types`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reject {
    /// An ICMP or ICMPv6 destination-unreachable code of the rule's own family.
    Icmp(u8),
    /// A TCP reset.
    TcpReset,
    /// One of `enum nft_reject_inet_code`, translated to either family.
    Icmpx(u8),
}

impl Reject {
    /// "Administratively prohibited", in either family (`NFT_REJECT_ICMPX_ADMIN_PROHIBITED`).
    pub const ADMIN_PROHIBITED: Self = Self::Icmpx(3);
}
