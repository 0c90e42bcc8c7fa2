//! A kernel that cannot log enforces all the same.

use super::Generation;
use crate::netlink::{self, Kernel};
use crate::policy::Policy;
use crate::ruleset::log_statement;

/// Turns the log of `policy` off where this kernel lacks the modules for it, and says whether it did: no drop
/// depends on its log.
///
/// # Errors
/// Where the kernel does not say.
pub fn mute(kernel: &mut Kernel, policy: &mut Policy) -> Result<bool, netlink::Error> {
    let mutes = policy.log.enabled && !kernel.can_log(&log_statement(&policy.log))?;
    policy.log.enabled &= !mutes;
    Ok(mutes)
}

impl Generation {
    /// The same as this kernel can hold it, and whether that is another.
    ///
    /// # Errors
    /// As [`mute`].
    pub(super) fn muted(mut self, kernel: &mut Kernel) -> Result<(Self, bool), netlink::Error> {
        let is_another = mute(kernel, &mut self.policy)?;
        Ok((self, is_another))
    }
}
