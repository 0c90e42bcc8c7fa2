//! Sends packets as fast as one processor can, and says what each took.

use std::io::IoSlice;
use std::os::fd::OwnedFd;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::net::addr::SocketAddrArg;
use rustix::net::{
    AddressFamily, MMsgHdr, Protocol, RawProtocol, SendAncillaryBuffer, SendFlags, SocketAddrAny, SocketFlags,
    SocketType, sendmmsg, socket_with,
};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use super::packets::{Packet, Version};
use crate::netns::{Netns, text};

/// "The header is in the packet" (`IPPROTO_RAW`, raw(7)).
const RAW: u32 = 255;

/// Packets of one kind, ready to be sent.
pub struct Sender {
    socket: OwnedFd,
    packets: Vec<Packet>,
}

impl Sender {
    /// Opens a socket in `netns`; it stays there, whichever thread sends.
    pub fn open(netns: &Netns, version: Version, packets: Vec<Packet>) -> anyhow::Result<Self> {
        let family = match version {
            Version::Four => AddressFamily::INET,
            Version::Six => AddressFamily::INET6,
        };
        let protocol = RawProtocol::new(RAW).map(Protocol::from_raw);
        let socket = netns.enter(|| socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, protocol));
        Ok(Self { socket: socket.context("cannot open a raw socket")?, packets })
    }

    /// Sends all packets `rounds` times, and says how much of the processor this thread had for it. A veth hands
    /// its packets on before the call that sends them returns, so that everything on the way is in it.
    pub fn send(&self, rounds: u32) -> anyhow::Result<Duration> {
        let addresses: Vec<SocketAddrAny> = self.packets.iter().map(|packet| packet.to.as_any()).collect();
        let slices: Vec<[IoSlice; 1]> = self.packets.iter().map(|packet| [IoSlice::new(&packet.bytes)]).collect();
        let mut nothing: Vec<SendAncillaryBuffer> =
            self.packets.iter().map(|_| SendAncillaryBuffer::default()).collect();
        let mut messages: Vec<MMsgHdr> = addresses
            .iter()
            .zip(&slices)
            .zip(&mut nothing)
            .map(|((address, slice), nothing)| MMsgHdr::new_with_addr(address, slice, nothing))
            .collect();
        let before = processor_time();
        for _ in 0..rounds {
            let mut rest = messages.as_mut_slice();
            while !rest.is_empty() {
                let sent = sendmmsg(&self.socket, rest, SendFlags::empty()).context("cannot send")?;
                rest = rest.get_mut(sent..).unwrap_or_default();
            }
        }
        Ok(processor_time() - before)
    }

    /// How many packets `send(1)` sends.
    pub fn count(&self) -> u32 {
        self.packets.len() as u32
    }
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// Whether the machine counts instructions and lets `perf` read them; most virtual ones do not.
pub fn counts_instructions() -> bool {
    let output = Command::new("perf").args(["stat", "-x,", "-e", "instructions:k", "true"]).output();
    output.is_ok_and(|output| output.status.success() && !text(&output.stderr).contains("<not "))
}

/// Keeps this thread on the last processor it may use, and says which.
pub fn pin() -> anyhow::Result<usize> {
    let allowed = sched_getaffinity(None)?;
    let Some(last) = (0..CpuSet::MAX_CPU).rev().find(|cpu| allowed.is_set(*cpu)) else { bail!("no processor") };
    let mut one = CpuSet::new();
    one.set(last);
    sched_setaffinity(None, &one)?;
    Ok(last)
}
