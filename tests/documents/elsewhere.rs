//! Who runs what cannot be run here: what builds, installs, boots, takes minutes or needs a real Docker.
//!
//! A command that is in none of these lists is run by this test, in a namespace (`stage.rs`).

/// What begins a command, the test or script that runs it, and what stands there.
pub struct Elsewhere {
    pub begins: &'static str,
    pub by: &'static str,
    pub says: &'static str,
}

const fn run(begins: &'static str, by: &'static str, says: &'static str) -> Elsewhere {
    Elsewhere { begins, by, says }
}

/// The first that fits counts.
pub const ELSEWHERE: &[Elsewhere] = &[
    // What builds and tests.
    run("scripts/test", ".ci/run", "scripts/test"),
    run("scripts/demo", "scripts/demo", "scripts/lab"),
    run("scripts/setup", "scripts/test", "scripts/setup"),
    run("scripts/lab up", "scripts/demo", "lab up"),
    run("scripts/lab down", "scripts/demo", "lab down"),
    run("scripts/install", "tests/install", "scripts/install"),
    run("scripts/uninstall", "tests/install", "scripts/uninstall"),
    run("scripts/release", "tests/packages", "scripts/release"),
    run("scripts/fuzz", "scripts/test", "scripts/fuzz"),
    run("scripts/kernels", "scripts/test", "scripts/kernels"),
    run("vagrant/run-tests", "scripts/test", "vagrant/run-tests"),
    run("cd vagrant && vagrant up", "vagrant/run-tests", "vagrant up"),
    run("cargo build", "scripts/test", "cargo build"),
    run("cargo install --path .", "tests/packages", "cargo install"),
    run("cargo test", "scripts/test", "cargo test"),
    run("cargo clippy", "scripts/test", "cargo clippy"),
    run("cargo fmt", "scripts/test", "cargo fmt"),
    run("tests/install", "scripts/test", "tests/install"),
    run("tests/ansible", "tests/packages", "tests/ansible"),
    // Other people's programs.
    run("cd packaging/ansible", "tests/ansible.d/plays.bash", "packaging/ansible/"),
    run("cp inventory.example.yml", "tests/ansible.d/plays.bash", "inventory"),
    run("ansible-playbook", "tests/ansible.d/plays.bash", "ansible-playbook"),
    run("systemctl enable --now dockwall dockwall-guard", "tests/systemd/guard.rs", "dockwall-guard"),
    run("tar -xf", "tests/packages", "tar --extract"),
    run("docker build --tag dockwall", "tests/packages", "docker build"),
    run("docker run --detach --name wall", "tests/packages", "docker run --detach --name wall"),
    run("docker exec wall dockwall", "tests/packages", "docker exec wall dockwall"),
    // With a guard that owns the table, which turns it away.
    run("nft delete table inet dockwall", "tests/docker_owned.rs", "delete table"),
    run("nft flush ruleset", "tests/docker_owned.rs", "flush ruleset"),
    // What does not end by itself.
    run("dockwall guard", "tests/cli/guard/repair.rs", "guard"),
    run("dockwall denied --follow", "tests/docker_denied/follow.rs", "denied --follow"),
];

/// What no test runs, and why.
pub const BY_HAND: &[(&str, &str)] = &[(
    "scripts/bench",
    "its figures are of an idle machine, for ten minutes; its code is built and linted by scripts/test",
)];

/// Whole documents that a test of their own types in, in their order.
pub const WALKED: &[(&str, &str)] = &[
    ("docs/walk-through.md", "tests/docker_walk/document.rs"),
    ("docs/switching-over.md", "tests/docker_switch/document.rs"),
];

/// Commands that end otherwise than with 0 on that stage, by what they begin with: none of it is a failure.
pub const ENDS: &[(&str, &[i32])] = &[
    // Enforced or not, with or without findings: both is shown.
    ("dockwall status", &[0, 4]),
    ("dockwall doctor", &[0, 4]),
    // These rules have lines that cannot be carried over.
    ("dockwall import hand.sh", &[4]),
    ("dockwall import after.rules", &[4]),
];

/// What is typed before the first command of a document, so that there is what it speaks of.
pub const BEFORE: &[(&str, &[&str])] = &[
    ("docs/boot.md", &["dockwall apply --mode enforce"]),
    ("docs/guard.md", &["dockwall apply --mode enforce"]),
    ("docs/seeing.md", &["dockwall init", "dockwall apply --mode enforce"]),
    ("docs/fleet.md", &["echo 'mode = \"enforce\"' >dockwall.toml"]),
    ("docs/migration.md", &["sed '/ip6tables-save/,$d' recipe.save | iptables-restore"]),
    ("README.md", &["cp recipe.save before"]),
];

/// Blocks that only show something, by their document and how they begin.
pub const SHOWN: &[(&str, &str)] = &[
    ("README.md", "container web-1 → LAN host, IPv4"),
    ("docs/boot.md", "raised: generation 1 is in force"),
    ("docs/boot.md", "went back: generation 2 was on trial"),
    ("docs/guard.md", "owner        nobody until a guard runs"),
    ("docs/how-it-works.md", "container"),
    ("docs/kernels.md", "5.10       5.10.262-1"),
];
