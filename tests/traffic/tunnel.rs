//! A tunnel as VPNs have it: two devices without Ethernet, and a program between them.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tappers::{Interface, Tun};

/// Larger than any packet.
const LARGEST_PACKET: usize = 1 << 16;

/// Join this network namespace and another one by tun devices, until killed
#[derive(Args)]
pub struct Tunnel {
    /// The name of both devices
    interface: String,

    /// The other namespace, as a file
    peer: PathBuf,
}

impl Tunnel {
    pub fn run(&self) -> Result<ExitCode> {
        let peer = File::open(&self.peer).with_context(|| format!("no namespace {}", self.peer.display()))?;
        let (here, there) = thread::scope(|scope| {
            let there = scope.spawn(|| {
                move_into_link_name_space(peer.as_fd(), Some(LinkNameSpaceType::Network))?;
                self.device()
            });
            let there = there.join().map_err(|_| anyhow!("the thread in the other namespace panicked"))?;
            Ok::<_, anyhow::Error>((Arc::new(self.device()?), Arc::new(there?)))
        })?;
        let (from, to) = (Arc::clone(&there), Arc::clone(&here));
        thread::spawn(move || carry(&from, &to));
        carry(&here, &there)?;
        Ok(ExitCode::SUCCESS)
    }

    fn device(&self) -> Result<Tun> {
        let name = Interface::new(&self.interface)?;
        let mut device = Tun::new_named(name).context("a tun device takes CAP_NET_ADMIN and /dev/net/tun")?;
        device.set_up()?;
        Ok(device)
    }
}

fn carry(from: &Tun, to: &Tun) -> io::Result<()> {
    let mut packet = vec![0; LARGEST_PACKET];
    loop {
        let length = from.recv(&mut packet)?;
        // A full queue loses packets, as any line does.
        let _ = to.send(&packet[..length]);
    }
}
