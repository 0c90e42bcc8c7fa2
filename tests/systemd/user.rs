//! A service of another user than root.

use crate::machine::Machine;

#[test]
fn l9_a_unit_with_a_user_and_only_ambient_net_admin_applies() {
    let mut machine = Machine::new("mode = \"enforce\"\n", &[]);
    let unit = "[Service]\nType=oneshot\nUser=nobody\nAmbientCapabilities=CAP_NET_ADMIN\n\
                CapabilityBoundingSet=CAP_NET_ADMIN\nNoNewPrivileges=yes\nStateDirectory=wall-of-nobody\n\
                ExecStart=/opt/wall/bin/dockwall --state-dir /var/lib/wall-of-nobody apply\n\
                ExecStart=/opt/wall/bin/dockwall --state-dir /var/lib/wall-of-nobody status\n";
    machine.write("etc/systemd/system/wall-of-nobody.service", unit);
    machine.boot();
    machine.expect(0, "dockwall remove");
    machine.expect(0, "systemctl start wall-of-nobody");
    let said = machine.journal("wall-of-nobody");
    assert!(said.contains("by user 65534"), "{said}");
    machine.expect(0, "dockwall status");
}
