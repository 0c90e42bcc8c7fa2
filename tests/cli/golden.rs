//! The rulesets in `nft/` are what their configurations render to, and `nft` takes them.

use std::path::Path;

use dockwall::ruleset::Features;

use crate::host::{DOCKWALL, Ended, ended};
use crate::support::Netns;
use crate::support::policies::features;

/// Runs a program where this machine names no resolver, neither to itself nor to a Docker. `ip netns
/// exec` gives it a mount namespace of its own.
const WITHOUT_RESOLVERS: &str = "
    for file in /etc/resolv.conf /etc/docker/daemon.json /run/docker.pid; do
        [ ! -e $file ] || mount --bind /dev/null $file || exit
    done
    exec \"$@\"";

/// Renders a configuration where the host is attached to nothing and Docker is not there, so that
/// nothing but the configuration is in it.
fn render(netns: &Netns, configuration: &Path) -> Ended {
    let mut render = netns.command("sh");
    render.args(["-c", WITHOUT_RESOLVERS, "sh", DOCKWALL]).env("DOCKER_HOST", "unix:///nonexistent");
    render.arg("--config").arg(configuration).args(["--state-dir", "/nonexistent", "render"]);
    ended(render.output().unwrap())
}

#[test]
fn every_ruleset_in_nft_is_rendered_from_the_configuration_beside_it() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("nft");
    let entries = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
    let configurations: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    assert!(configurations.len() >= 4, "{configurations:?}");
    let rewrite = std::env::var_os("REWRITE_GOLDEN").is_some();
    for configuration in configurations {
        let netns = Netns::new();
        let rendered = render(&netns, &configuration);
        assert_eq!(rendered.status, 0, "{}", rendered.stderr);
        // An nft that is too old for the kernel says so of grants by ranges; `apply` needs no nft.
        netns.loads(&rendered.stdout);
        // A kernel that lacks something has a ruleset of its own, which is loaded here and compared nowhere.
        if (Features { owner: true, ..features() }) != Features::ALL {
            continue;
        }
        let golden = configuration.with_extension("nft");
        if rewrite {
            std::fs::write(&golden, &rendered.stdout).unwrap();
        }
        assert!(
            std::fs::read_to_string(&golden).unwrap_or_default() == rendered.stdout,
            "{} is out of date: REWRITE_GOLDEN=1 cargo test --test cli golden",
            golden.display(),
        );
    }
}

#[test]
fn every_kind_of_grant_is_among_them() {
    let netns = Netns::new();
    let rendered = render(&netns, &Path::new(env!("CARGO_MANIFEST_DIR")).join("nft/grants.toml"));
    for set in
        ["grant4", "grant4-port", "grant4-range", "grant4-proto", "grant6", "grant6-flow", "host4-range", "host4-proto"]
    {
        assert!(rendered.stdout.contains(&format!("\tset {set} {{\n")), "{set} is not in\n{}", rendered.stdout);
    }
    assert_eq!(rendered.stderr, "");
}
