//! What the kernel can do, where kernels differ.

/// What a ruleset may ask of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// An element of a meter can hold a counter beside its limit.
    pub meter_counters: bool,
    /// A table can have an owner and outlive it (`NFT_TABLE_F_OWNER` and `NFT_TABLE_F_PERSIST`). No rule needs
    /// it.
    pub owner: bool,
}

/// `NFTA_DYNSET_EXPRESSIONS`, several expressions per element of a dynamic set, came with Linux
/// 5.11; 5.10 refuses them ("not supported").
const METER_COUNTERS_SINCE: (u32, u32) = (5, 11);

impl Features {
    /// What the newest kernels can do.
    pub const ALL: Self = Self { meter_counters: true, owner: true };

    /// The features of the kernel with that release, such as `6.1.0-13-amd64`. One that is not
    /// understood counts as new. Whether a table can be owned no release tells, since distributions
    /// carry changes back: a kernel that was not asked cannot.
    pub fn of_release(release: &str) -> Self {
        let version = version(release).unwrap_or((u32::MAX, 0));
        Self { meter_counters: version >= METER_COUNTERS_SINCE, owner: false }
    }
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_tells_what_a_meter_can_hold() {
        for (release, meter_counters) in [
            ("5.10.0-28-amd64", false),
            ("4.19.0", false),
            ("5.11.0", true),
            ("6.1.0-13-amd64", true),
            ("6.18-rc1", true),
            ("unheard-of", true),
        ] {
            assert_eq!(Features::of_release(release), Features { meter_counters, owner: false }, "{release}");
        }
    }
}
