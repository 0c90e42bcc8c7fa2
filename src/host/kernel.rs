//! What the running kernel can do.

use crate::ruleset::Features;

/// `NFTA_DYNSET_EXPRESSIONS`, several expressions per element of a dynamic set, came with Linux
/// 5.11; 5.10 refuses them ("not supported").
const METER_COUNTERS_SINCE: (u32, u32) = (5, 11);

/// The features of the kernel with that release, such as `6.1.0-13-amd64`. One that is not
/// understood counts as new.
pub fn features(release: &str) -> Features {
    let version = version(release).unwrap_or((u32::MAX, 0));
    Features { meter_counters: version >= METER_COUNTERS_SINCE }
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
            assert_eq!(features(release).meter_counters, meter_counters, "{release}");
        }
    }
}
