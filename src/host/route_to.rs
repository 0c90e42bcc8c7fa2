//! By which link an address is reached.

use std::net::IpAddr;

use super::facts_error::FactsError;

/// The name of the link by which the kernel would answer `address`; none where it would not. One of
/// the host's own addresses is reached by its loopback.
///
/// # Errors
/// [`FactsError`] where the kernel did not say.
pub fn route_to(_address: IpAddr) -> Result<Option<String>, FactsError> {
    Ok(None)
}
