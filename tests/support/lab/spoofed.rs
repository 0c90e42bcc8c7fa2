//! What a container sends from addresses that nobody gave it.

use super::Lab;

/// Whom a packet goes to and whose it claims to be.
#[derive(Clone, Copy, Debug)]
pub struct Spoofed {
    /// The address that the container takes.
    pub from: &'static str,
    /// The address that it sends to.
    pub to: &'static str,
}

impl Lab {
    /// As [`Lab::sunk`], by a gateway and from an address that the container takes for it.
    #[track_caller]
    pub fn sunk_as(&self, place: &str, gateway: &str, Spoofed { from, to }: Spoofed, at: &str) -> u64 {
        let (bits, flags) = if from.contains(':') { (128, " nodad") } else { (32, "") };
        self.exec(place, &format!("ip address add {from}/{bits} dev eth0{flags}"));
        self.exec(place, &format!("ip route replace {to} via {gateway} dev eth0 src {from}"));
        let came = self.sunk(place, to, at);
        self.exec(place, &format!("ip route delete {to}"));
        self.exec(place, &format!("ip address delete {from}/{bits} dev eth0"));
        came
    }
}
