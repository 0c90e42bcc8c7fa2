//! Which processes have a netlink socket open.

use std::fs;

use super::watch::Process;
use crate::printable::printable;

/// `NETLINK_NETFILTER`, as the list of sockets has it.
const NETFILTER: &str = "12";

/// The processes that have nf_tables' socket of that port open, in this network namespace and as far as may be
/// seen. A descriptor can be in several. Where none can be seen, the one that the port is named after: the
/// kernel gives a process its own number for its first socket.
pub fn holders_of(port: u32) -> Vec<Process> {
    let inode = fs::read_to_string("/proc/thread-self/net/netlink").ok().and_then(|list| inode_of(&list, port));
    let pids = || {
        fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
    };
    let holders: Vec<Process> = match inode {
        Some(inode) => pids().filter(|pid| has_socket(*pid, inode)).map(process).collect(),
        None => return Vec::new(),
    };
    if holders.is_empty() && fs::exists(format!("/proc/{port}")).unwrap_or(false) {
        vec![process(port)]
    } else {
        holders
    }
}

/// The inode of the socket, from `/proc/net/netlink`: sk, Eth, Pid, Groups, Rmem, Wmem, Dump, Locks, Drops, Inode.
fn inode_of(list: &str, port: u32) -> Option<u64> {
    let port = port.to_string();
    list.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_it = words.get(1) == Some(&NETFILTER) && words.get(2) == Some(&port.as_str());
        words.last().filter(|_| is_it)?.parse().ok()
    })
}

fn has_socket(pid: u32, inode: u64) -> bool {
    let wanted = format!("socket:[{inode}]");
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    descriptors.into_iter().any(|entry| fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str() == wanted.as_str()))
}

fn process(pid: u32) -> Process {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Process { pid, name: printable(name.trim_end().to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_found_by_protocol_and_port() {
        let list = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n\
                    ff1 0   4711       00000000 0        0        0     2        0        11\n\
                    ff2 12  471        00000000 0        0        0     2        0        12\n\
                    ff3 12  4711       00000040 0        0        0     2        0        13\n";
        assert_eq!((inode_of(list, 4711), inode_of(list, 471), inode_of(list, 5)), (Some(13), Some(12), None));
    }
}
