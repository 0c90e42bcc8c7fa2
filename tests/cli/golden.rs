//! The rulesets in `nft/` are what their configurations render to, and `nft` takes them.

use std::path::Path;

use crate::host::{DOCKWALL, ended};
use crate::support::Netns;

#[test]
fn every_ruleset_in_nft_is_rendered_from_the_configuration_beside_it() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("nft");
    let entries = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
    let configurations: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    assert!(configurations.len() >= 3, "{configurations:?}");
    for configuration in configurations {
        // Where the host is attached to nothing, so that its networks are not in it.
        let netns = Netns::new();
        let mut render = netns.command(DOCKWALL);
        render.arg("--config").arg(&configuration).args(["--state-dir", "/nonexistent", "render"]);
        let rendered = ended(render.output().unwrap());
        assert_eq!(rendered.status, 0, "{}", rendered.stderr);
        let golden = configuration.with_extension("nft");
        assert!(
            std::fs::read_to_string(&golden).unwrap_or_default() == rendered.stdout,
            "{} is out of date: dockwall --config {} --state-dir /nonexistent render >{}",
            golden.display(),
            configuration.display(),
            golden.display(),
        );
        netns.load(&rendered.stdout);
    }
}
