//! Another policy from the same sources, since the host is another: the generation stays.

use jiff::Timestamp;

use super::amend::{Quick, QuickLook};
use super::hold::flags;
use super::{Error, Generation, InForce, Store};
use crate::netlink::{self, Kernel, Sent};
use crate::policy::Policy;
use crate::ruleset::{Digest, Features, Table, compile};

/// Puts `policy` in force as the generation that is in force, by the difference to it in one batch, and
/// returns the generation as it is now.
///
/// The file comes first: where one is killed between the two, whoever looks next finds a generation that
/// the kernel does not hold, and makes it hold that.
///
/// # Errors
/// See [`Error`]; the kernel holds what it held before, and the file says the same.
pub fn revise(
    kernel: &mut Kernel,
    store: &Store,
    in_force: InForce,
    policy: Policy,
    features: Features,
) -> Result<(Generation, Sent), Error> {
    let now = Timestamp::now();
    let before = in_force.generation.clone();
    let revised = Generation { policy, revised: Some(now), ..before.clone() };
    let flags = flags(&revised.policy, store, features);
    let table = Table { flags, ..compile(&revised.policy, features, now).marked(revised.number) };
    store.put(&revised)?;
    let quickly = QuickLook::of(in_force)
        .map(|mut quick| kernel.replace_seen(|kernel| quick.look(kernel), |_| Ok::<_, Quick>(table.clone())));
    let sent = match quickly {
        Some(Ok(sent)) => Ok(sent),
        Some(Err(Quick::Failed(Error::Store(error)))) => Err(error.into()),
        Some(Err(Quick::Failed(Error::Kernel(error)))) if !matches!(error, netlink::Error::Refused(_)) => {
            Err(Error::from(error))
        }
        _ => kernel.replace::<Error>(|_| Ok(table.clone())),
    };
    match sent {
        Ok(sent) => Ok((revised, sent)),
        Err(error) => {
            // The kernel's reason matters more; a guard that looks next tells what is wrong with the disk.
            if !is_in_force(kernel, &table.digest()) {
                store.put(&before).unwrap_or_default();
            }
            Err(error)
        }
    }
}

/// Whether the kernel's mark says that digest, as it does when the first stage of several was taken.
fn is_in_force(kernel: &mut Kernel, digest: &Digest) -> bool {
    kernel.read_frame().is_ok_and(|frame| frame.marker().is_some_and(|marker| marker.digest == *digest))
}
