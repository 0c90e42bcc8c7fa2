//! Other people's firewalls at the Docker host, as Debian's packages have them.

use super::Lab;

/// What somebody does with one of them. A step is a command at the host, or one of `scripts/lab` where it
/// begins with `lab`.
#[derive(Clone, Copy, Debug)]
pub struct Deed {
    /// What it is, for who reads.
    pub what: &'static str,
    /// One after the other; each has to succeed.
    pub steps: &'static [&'static str],
}

/// Options of [`Lab::up`] for all of the programs.
pub const WITH_PROGRAMS: [&str; 10] =
    ["--with", "firewalld", "--with", "ufw", "--with", "iptables-persistent", "--with", "fail2ban", "--with", "podman"];

/// What makes Docker put its rules back.
pub const DOCKERD_RESTART: Deed = Deed { what: "dockerd restart", steps: &["lab dockerd restart"] };

/// All that its unit and its command do with its rules. (N7)
pub const UFW: Deed = Deed {
    what: "ufw: enable, reload, restart, disable",
    steps: &["ufw --force enable", "ufw reload", "lab unit ufw restart", "ufw disable"],
};

/// What takes no table away but its own, and rules out of Docker's. firewalld: (A9), (A10); iptables: (A3);
/// iptables-persistent: (A12); ufw: (N7); podman: (N4).
pub const DEEDS: [Deed; 9] = [
    Deed {
        what: "firewalld: start, reload, log-denied, HUP, stop",
        steps: &[
            "lab unit firewalld start",
            "firewall-cmd --reload",
            "firewall-cmd --set-log-denied=all",
            "lab unit firewalld reload",
            // It answers when it has reloaded.
            "firewall-cmd --state",
            "firewall-cmd --set-log-denied=off",
            "lab unit firewalld stop",
        ],
    },
    DOCKERD_RESTART,
    Deed {
        what: "iptables -F; iptables -X, and ip6tables",
        steps: &["iptables -w -F", "iptables -w -X", "ip6tables -w -F", "ip6tables -w -X"],
    },
    DOCKERD_RESTART,
    UFW,
    Deed {
        what: "iptables-persistent: save, reload, flush, restart",
        steps: &[
            "netfilter-persistent save",
            "netfilter-persistent reload",
            "netfilter-persistent flush",
            "lab unit netfilter-persistent restart",
        ],
    },
    DOCKERD_RESTART,
    Deed {
        what: "fail2ban: start, ban, reload, stop",
        steps: &["lab unit fail2ban start", "sh /run/ban", "lab unit fail2ban reload", "lab unit fail2ban stop"],
    },
    Deed {
        what: "podman, netavark: run, stop, start, reload, remove",
        steps: &[
            "lab pod pod-1 -p 9400:7000",
            "lab podman stop pod-1",
            "lab podman start pod-1",
            "lab podman network reload --all",
            "lab podman rm --force pod-1",
        ],
    },
];

/// What takes every table away that nobody owns, and puts those of /etc/nftables.conf there. (A2)
pub const NFTABLES_RELOAD: Deed = Deed { what: "nftables.service: reload", steps: &["lab unit nftables reload"] };

/// The same, and nothing in between.
pub const NFTABLES_RESTART: Deed = Deed { what: "nftables.service: restart", steps: &["lab unit nftables restart"] };

/// One jail by nftables and one by iptables.
const JAILS: &str = "\
[DEFAULT]
filter = lab
backend = polling
maxretry = 2
port = 7000
[by-nftables]
enabled = true
logpath = /run/by-nftables.log
banaction = nftables-multiport
[by-iptables]
enabled = true
logpath = /run/by-iptables.log
banaction = iptables-multiport
chain = FORWARD
";

/// Who tries too often is in the log, and then in both jails.
const BAN: &str = r#"
wait_for() {
    for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    echo "not within 30 s: $*" >&2
    exit 1
}
jailed() { fail2ban-client status "$1" | grep -q "$2"; }
wait_for fail2ban-client ping
for jail in by-nftables by-iptables; do
    for address in 203.0.113.66 2001:db8:66::66; do
        for _ in 1 2 3; do echo "$(date '+%Y-%m-%d %H:%M:%S') refused $address"; done
    done >>/run/$jail.log
done
for jail in by-nftables by-iptables; do
    wait_for jailed "$jail" 203.0.113.66
    wait_for jailed "$jail" 2001:db8:66::66
done
# What it says it did, it did.
wait_for sh -c 'nft list table inet f2b-table | grep -q 2001:db8:66::66'
wait_for sh -c 'ip6tables -w -S f2b-by-iptables | grep -q 2001:db8:66::66'
"#;

impl Lab {
    /// A lab with all of them, none of them started.
    #[track_caller]
    pub fn with_programs() -> Self {
        let lab = Self::up(&WITH_PROGRAMS);
        lab.prepare_jails();
        lab
    }

    /// Gives fail2ban its jails.
    #[track_caller]
    pub fn prepare_jails(&self) {
        self.exec("host", "rm -f /etc/fail2ban/jail.d/defaults-debian.conf"); // a log that is not there
        self.write("/etc/fail2ban/jail.d/lab.conf", JAILS);
        self.write("/etc/fail2ban/filter.d/lab.conf", "[Definition]\nfailregex = refused <HOST>$\nallowipv6 = auto\n");
        self.write("/run/ban", BAN);
        for jail in ["by-nftables", "by-iptables"] {
            self.write(&format!("/run/{jail}.log"), "");
        }
    }

    /// Does it.
    ///
    /// # Panics
    /// When a step fails, with what it says.
    #[track_caller]
    pub fn perform(&self, deed: &Deed) {
        for step in deed.steps {
            match step.strip_prefix("lab ") {
                Some(command) => self.control(command),
                None => self.exec("host", step),
            };
        }
    }
}
