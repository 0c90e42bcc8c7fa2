//! State directories that earlier versions left: a later version raises what they confirmed, and goes on from there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::host::Host;

/// One folder for each released version, as `apply --mode audit`, `apply`, two `grant` and `apply --mode audit
/// --confirm 10m` left it at a power cut. What a version wrote is never written anew by another.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/fixtures");

/// A host with the state directory of that fixture.
fn host_with(fixture: &Path) -> Host {
    let host = Host::new("mode = \"enforce\"");
    fs::create_dir(host.state()).unwrap();
    fs::set_permissions(host.state(), PermissionsExt::from_mode(0o700)).unwrap();
    for file in fs::read_dir(fixture).unwrap().map(|entry| entry.unwrap().path()) {
        fs::copy(&file, host.state().join(file.file_name().unwrap())).unwrap();
    }
    host
}

fn fixtures() -> Vec<std::path::PathBuf> {
    let found = fs::read_dir(FIXTURES).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> =
        found.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("state-")).collect();
    assert!(!found.is_empty());
    found
}

#[test]
fn what_an_earlier_version_confirmed_stands_after_an_upgrade_and_a_boot() {
    for fixture in fixtures() {
        let host = host_with(&fixture);
        let booted = host.json(0, "boot");
        assert_eq!(booted["generation"], 4, "the trial is over: {booted}");
        let status = host.json(0, "status");
        assert_eq!((&status["enforced"], &status["wall"]["mode"]), (&true.into(), &"enforce".into()));
        let listed = host.netns.list();
        for granted in ["10.57.17.6 . tcp . 5432", "fd00:21::/64 . fd00:57::6 . tcp . 8000-8100"] {
            assert!(listed.contains(granted), "{granted} is not in\n{listed}");
        }
    }
}

#[test]
fn the_history_of_an_earlier_version_is_read_gone_back_in_and_continued() {
    for fixture in fixtures() {
        let host = host_with(&fixture);
        host.expect(0, "boot");
        let history = host.json(0, "history");
        let modes: Vec<_> = history.as_array().unwrap().iter().map(|each| each["mode"].as_str().unwrap()).collect();
        assert_eq!(modes, ["audit", "enforce", "enforce", "enforce", "audit"]);
        host.expect(0, "rollback --to 1");
        assert_eq!(host.json(4, "status")["wall"]["mode"], "audit");
        host.expect(0, "apply");
        assert_eq!(host.json(0, "status")["wall"]["generation"], 6);
    }
}
