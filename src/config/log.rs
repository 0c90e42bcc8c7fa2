//! What is logged, how much of it, and where to.

use std::ops::RangeInclusive;

use super::log_prefix::LogPrefix;
use super::log_target::LogTarget;
use super::rate::{Rate, RateUnit};
use super::remember::Remember;

/// The `[log]` section. The log never decides about a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Whether denied packets are logged at all; they are counted either way.
    pub enabled: bool,
    /// How often one source, destination, protocol and port is logged.
    pub rate: Rate,
    /// How many packets beyond the rate are logged before it holds, in [`Log::BURST`].
    pub burst: u32,
    /// How much is logged over all flows; what may come in one unit may come at once.
    pub limit: Rate,
    /// What the lines of dropped packets begin with.
    pub prefix: LogPrefix,
    /// What the lines of packets begin with that would have been dropped.
    pub audit_prefix: LogPrefix,
    /// Where the lines go.
    pub target: LogTarget,
    /// How long a denied flow stays listed after its last packet.
    pub remember: Remember,
}

impl Log {
    /// The burst is 32 bits wide in the kernel; more than a million packets at once is no limit.
    pub const BURST: RangeInclusive<u32> = 1..=1_000_000;
}

impl Default for Log {
    fn default() -> Self {
        Self {
            enabled: true,
            rate: Rate { count: 6, unit: RateUnit::Minute },
            burst: 5,
            limit: Rate { count: 50, unit: RateUnit::Second },
            prefix: LogPrefix::constant("DOCKER_NET_DROP "),
            audit_prefix: LogPrefix::constant("DOCKER_NET_AUDIT "),
            target: LogTarget::Kernel,
            remember: Remember::DEFAULT,
        }
    }
}
