//! What the kernel can do, where kernels differ.

/// What a ruleset may ask of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// An element of a meter can hold a counter beside its limit.
    pub meter_counters: bool,
    /// `fib saddr . iif oif` can be asked wherever a packet is judged, not only before it is routed.
    pub way_back_anywhere: bool,
    /// A table can have an owner and outlive it (`NFT_TABLE_F_OWNER` and `NFT_TABLE_F_PERSIST`). No rule needs
    /// it.
    pub owner: bool,
}

/// `NFTA_DYNSET_EXPRESSIONS`, several expressions per element of a dynamic set, came with Linux
/// 5.11; 5.10 refuses them ("not supported").
const METER_COUNTERS_SINCE: (u32, u32) = (5, 11);

/// `nft_fib_validate` of earlier kernels refuses it in the hooks forward and input ("not supported": measured
/// on 5.10).
const WAY_BACK_ANYWHERE_SINCE: (u32, u32) = (5, 18);

impl Features {
    /// What the newest kernels can do.
    pub const ALL: Self = Self { meter_counters: true, way_back_anywhere: true, owner: true };

    /// The features of the kernel with that release, such as `6.1.0-13-amd64`. One that is not
    /// understood counts as new. Whether a table can be owned no release tells, since distributions
    /// carry changes back: a kernel that was not asked cannot.
    pub fn of_release(release: &str) -> Self {
        let version = version(release).unwrap_or((u32::MAX, 0));
        Self {
            meter_counters: version >= METER_COUNTERS_SINCE,
            way_back_anywhere: version >= WAY_BACK_ANYWHERE_SINCE,
            owner: false,
        }
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
    fn the_release_tells_what_a_ruleset_may_ask() {
        for (release, meter_counters, way_back_anywhere) in [
            ("5.10.0-28-amd64", false, false),
            ("4.19.0", false, false),
            ("5.11.0", true, false),
            ("5.18.0", true, true),
            ("6.1.0-13-amd64", true, true),
            ("6.18-rc1", true, true),
            ("unheard-of", true, true),
        ] {
            let expected = Features { meter_counters, way_back_anywhere, owner: false };
            assert_eq!(Features::of_release(release), expected, "{release}");
        }
    }
}
