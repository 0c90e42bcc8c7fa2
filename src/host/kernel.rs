//! The running kernel.

/// Its release, such as `6.1.0-13-amd64`.
pub fn kernel_release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// How to have modules that are missing, in words that begin a cure.
pub fn how_to_load(modules: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = modules.iter().map(AsRef::as_ref).collect();
    cure(&names, modules_are_disabled())
}

/// Whether no module can be loaded any more: `modules_disabled` in Documentation/admin-guide/sysctl/kernel.rst.
fn modules_are_disabled() -> bool {
    std::fs::read("/proc/sys/kernel/modules_disabled").is_ok_and(|value| value.trim_ascii() == b"1")
}

fn cure(modules: &[&str], disabled: bool) -> String {
    let (names, it) = (modules.join(" "), if modules.len() == 1 { "it" } else { "them" });
    match (disabled, modules.len()) {
        (true, _) => format!(
            "kernel.modules_disabled is 1, so that nothing can load {it} before the next boot: name {it} ({names}) in a \
             file in /etc/modules-load.d, and boot"
        ),
        (false, 1) => format!("load it with `modprobe {names}`"),
        (false, _) => format!("load them with `modprobe -a {names}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l7_modprobe_is_no_cure_where_modules_are_disabled() {
        assert_eq!(cure(&["nft_ct"], false), "load it with `modprobe nft_ct`");
        assert_eq!(cure(&["nft_ct", "nft_log"], false), "load them with `modprobe -a nft_ct nft_log`");
        let disabled = cure(&["nft_ct", "nft_log"], true);
        assert!(disabled.contains("name them (nft_ct nft_log) in a file in /etc/modules-load.d"), "{disabled}");
        assert!(!disabled.contains("modprobe"), "{disabled}");
    }
}
