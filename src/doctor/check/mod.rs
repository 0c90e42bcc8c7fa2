//! The checks, one file each. To add one, write its file and its line in the list.

pub mod firewalld;

use super::finding::Check;

/// Names the files and lists their checks.
macro_rules! checks {
    ($($name:ident),+ $(,)?) => {
        $(mod $name;)+

        /// All of them, in the order in which they are told.
        pub const ALL: &[&Check] = &[$(&$name::CHECK,)+ &firewalld::CHECK];
    };
}

checks![
    platform,
    standing,
    drifted,
    on_trial,
    configuration,
    state_directory,
    auditing,
    not_covered,
    rootless,
    unpoliced,
    uplinks,
    resolvers,
    shadowed,
    terminal,
    foreign_drop,
    docker_isolation,
    docker_iptables,
    docker_rules,
    docker_backend,
    swarm_backend,
    stale_forward,
    forwarding,
    loopback_published,
    netavark,
    guests,
    overlap,
    forwards_others,
    bridge_netfilter,
    recipe,
    old_files,
    firewalld_beside,
    flowtable,
    kernel_log,
    meters,
    boot_unit,
    guard,
    owner,
    not_applied,
    clock,
];
