//! What stands when the machine has booted, whatever became of it before.

use crate::machine::Machine;

const ENFORCE: &str = "mode = \"enforce\"\n";
const STRICT: &[&str] = &["--strict"];

/// A machine with generation 2 in force, which has a grant; off, with what the kernel held.
fn with_history(install: &[&str]) -> (Machine, Vec<String>) {
    let mut machine = Machine::new(ENFORCE, install);
    machine.boot();
    machine.expect(0, "dockwall grant 10.57.17.6 --port 5432/tcp --name database");
    machine.expect(0, "dockwall grant fd00:57::6 --port 5432/tcp --name database6");
    let before = machine.dump();
    assert!(!before.is_empty());
    machine.cut();
    (machine, before)
}

/// Neither Docker nor a network nor anything of theirs is there yet.
#[test]
fn a15_the_first_boot_applies_the_configuration_before_docker_ever_started() {
    let mut machine = Machine::new(ENFORCE, &[]);
    machine.boot();
    assert_eq!(machine.failed(), [""; 0]);
    assert_eq!(machine.json(0, "dockwall --json status")["wall"]["generation"], 1);
    for who in ["network", "docker"] {
        assert_eq!(machine.seen_by(who), machine.dump(), "{who}");
    }
}

#[test]
fn m1_m4_after_a_power_cut_the_wall_stands_as_it_was_before_the_network_and_docker_start() {
    let (mut machine, before) = with_history(&[]);
    machine.boot();
    assert_eq!(machine.failed(), [""; 0]);
    for who in ["network", "docker"] {
        assert_eq!(machine.seen_by(who), before, "{who}");
    }
    assert_eq!(machine.dump(), before);
    machine.expect(0, "dockwall status");
    // What is edited is not applied by a boot, and by a reload it is.
    machine.write("etc/dockwall/dockwall.toml", "mode = \"audit\"");
    machine.expect(0, "systemctl restart dockwall");
    assert_eq!(machine.dump(), before);
    let said = machine.journal("dockwall");
    assert!(said.contains("dockwall.toml was edited since generation 3 was applied"), "{said}");
    machine.expect(0, "systemctl reload dockwall");
    assert_eq!(machine.json(4, "dockwall --json status")["wall"]["mode"], "audit");
}

#[test]
fn m2_a_broken_configuration_leaves_the_old_wall_a_failed_unit_and_docker_only_where_not_strict() {
    for (install, docker) in [(&[][..], "active"), (STRICT, "inactive")] {
        let (mut machine, before) = with_history(install);
        machine.write("etc/dockwall/dockwall.toml", "mode = ");
        machine.boot();
        assert_eq!(machine.failed(), ["dockwall.service"], "{install:?}");
        assert_eq!(machine.seen_by("network"), before, "{install:?}");
        assert_eq!(machine.dump(), before, "{install:?}");
        assert_eq!(machine.show("docker.service", "ActiveState"), docker);
        assert_eq!(machine.show("dockwall.service", "ExecMainStatus"), "3");
        let said = machine.journal("dockwall");
        assert!(said.contains("generation 3 is in force") && said.contains("dockwall.toml"), "{said}");
        // Once it is right again, so is all.
        machine.write("etc/dockwall/dockwall.toml", ENFORCE);
        machine.expect(0, "systemctl restart dockwall");
        machine.expect(0, "systemctl start docker");
        assert_eq!(machine.failed(), [""; 0]);
    }
}

/// A seccomp filter stands for the kernel that lost its module: it answers as that would.
#[test]
fn l6_where_nf_tables_does_not_load_at_boot_the_unit_fails_and_strict_keeps_docker_down() {
    for (install, docker) in [(&[][..], "active"), (STRICT, "inactive")] {
        let (mut machine, _) = with_history(install);
        let without = "[Service]\nSystemCallFilter=~socket:EPROTONOSUPPORT\n";
        machine.write("etc/systemd/system/dockwall.service.d/without.conf", without);
        machine.boot();
        assert_eq!(machine.failed(), ["dockwall.service"], "{install:?}");
        assert_eq!(machine.show("dockwall.service", "ExecMainStatus"), "6");
        assert_eq!(machine.show("docker.service", "ActiveState"), docker);
        let said = machine.journal("dockwall");
        assert!(said.contains("has no nf_tables"), "{said}");
    }
}

#[test]
fn m8_what_is_damaged_is_passed_over_and_told() {
    let (mut machine, _) = with_history(&[]);
    machine.write("var/lib/dockwall/generation-3.json", "{ \"number\": 3, ");
    machine.write("var/lib/dockwall/in-force", "");
    machine.boot();
    assert_eq!(machine.failed(), [""; 0]);
    assert_eq!(machine.json(0, "dockwall --json status")["wall"]["generation"], 2);
    let said = machine.journal("dockwall");
    assert!(said.contains("generation-3.json is damaged") && said.contains("raised: generation 2"), "{said}");
}

#[test]
fn stopping_the_unit_or_the_machine_does_not_open_the_wall() {
    let mut machine = Machine::new(ENFORCE, &[]);
    machine.boot();
    let before = machine.dump();
    machine.expect(0, "systemctl stop dockwall");
    assert_eq!(machine.dump(), before);
    machine.expect(0, "systemctl start dockwall");
    assert_eq!(machine.dump(), before);
}
