//! Why the kernel did not list its flows.

use super::facts_error::FactsError;

/// The flows could not be read. Reading them changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum FlowsError {
    /// Nothing in the kernel lists flows.
    #[error(
        "this kernel ({}) does not list its flows: {}, or boot a kernel built with CONFIG_NF_CT_NETLINK",
        super::kernel_release(), super::how_to_load(&["nf_conntrack_netlink"])
    )]
    NoConntrack,
    /// The kernel said EPERM.
    #[error(
        "the kernel does not permit to list its flows: CAP_NET_ADMIN is needed in the user namespace that owns this \
         network namespace; run it with sudo on the host itself, not in a container"
    )]
    NotPermitted,
    /// As with any other list.
    #[error(transparent)]
    Unreadable(#[from] FactsError),
}
