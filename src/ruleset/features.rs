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

/// A step between kernels that tells in what the wall can do, though never in what it drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The first version of Linux that has it.
    pub since: (u32, u32),
    /// What it has.
    pub what: &'static str,
    /// What is done before it.
    pub before: &'static str,
}

/// `NFTA_DYNSET_EXPRESSIONS`, several expressions per element of a dynamic set; 5.10 refuses them ("not
/// supported").
pub const METER_COUNTERS: Step = Step {
    since: (5, 11),
    what: "a counter for each denied flow",
    before: "denied flows are listed without packets and bytes, and limited and counted in all as ever",
};

/// `nf_log_syslog` took the place of `nf_log_ipv4` and `nf_log_ipv6`.
pub const ONE_LOGGER: Step = Step {
    since: (5, 13),
    what: "one module that writes the kernel log, `nf_log_syslog`",
    before: "`nf_log_ipv4` and `nf_log_ipv6`, which are what the cures name there",
};

/// `nft_fib_validate` of earlier kernels refuses `fib saddr . iif oif` in the hooks forward and input ("not
/// supported": measured on 5.10).
pub const WAY_BACK_ANYWHERE: Step = Step {
    since: (5, 18),
    what: "a forged source is told where a packet is judged",
    before: "it is told and dropped before routing, in a base chain of its own",
};

/// `NFT_TABLE_F_PERSIST`. An older kernel is asked, since distributions carry changes back.
pub const OWNED_TABLES: Step = Step {
    since: (6, 9),
    what: "a table that has an owner and outlives it",
    before: "the guard owns nothing: what others change it puts right, and cannot prevent",
};

/// All of them, oldest first.
pub const STEPS: [Step; 4] = [METER_COUNTERS, ONE_LOGGER, WAY_BACK_ANYWHERE, OWNED_TABLES];

impl Step {
    /// Whether the kernel with that release, such as `6.1.0-13-amd64`, is of that version or newer. One that is not
    /// understood counts as new.
    pub fn is_in(&self, release: &str) -> bool {
        version(release).is_none_or(|version| version >= self.since)
    }
}

impl Features {
    /// What the newest kernels can do.
    pub const ALL: Self = Self { meter_counters: true, way_back_anywhere: true, owner: true };

    /// The features of the kernel with that release, such as `6.1.0-13-amd64`. One that is not
    /// understood counts as new. That a table cannot be owned no release tells, since distributions carry changes
    /// back: an older one has to be asked, and until then it cannot.
    pub fn of_release(release: &str) -> Self {
        Self {
            meter_counters: METER_COUNTERS.is_in(release),
            way_back_anywhere: WAY_BACK_ANYWHERE.is_in(release),
            owner: version(release).is_some() && OWNED_TABLES.is_in(release),
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
        for (release, meter_counters, way_back_anywhere, owner) in [
            ("5.10.0-28-amd64", false, false, false),
            ("4.19.0", false, false, false),
            ("5.11.0", true, false, false),
            ("5.18.0", true, true, false),
            ("6.1.0-13-amd64", true, true, false),
            ("6.9.0", true, true, true),
            ("6.18-rc1", true, true, true),
            ("unheard-of", true, true, false),
        ] {
            let expected = Features { meter_counters, way_back_anywhere, owner };
            assert_eq!(Features::of_release(release), expected, "{release}");
        }
    }
    #[test]
    fn the_document_has_every_step() {
        let document = include_str!("../../docs/kernels.md");
        for Step { since: (major, minor), what, before } in STEPS {
            let row = format!("| {major}.{minor} | {what} | {before} |\n");
            assert!(document.contains(&row), "docs/kernels.md lacks this row:\n{row}");
        }
    }
}
