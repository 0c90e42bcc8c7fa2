//! The programs, one file each. To add one, write its file and its line in the list.

use crate::program::Program;

/// Names the files and lists their programs.
macro_rules! programs {
    ($($name:ident),+ $(,)?) => {
        $(mod $name;)+

        /// All of them, the slow ones first: two run at once.
        pub const ALL: &[&Program] = &[$(&$name::PROGRAM,)+];
    };
}

programs![
    firewalld,
    podman,
    libvirt,
    ufw,
    cni,
    fail2ban,
    iptables_persistent,
    ferm,
    nftables_service,
    iptables_legacy,
    docker_on_legacy,
    docker,
    docker_trixie,
    docker_sid,
];
