# shellcheck shell=bash
# A libvirtd of its own, in namespaces that end with it.
# Part of vagrant/run-tests.

# To be run in the background: becomes COMMAND in new network, mount and process namespaces. Bridges, dnsmasq and the
# machine exist only in there, and what is left when it ends, the kernel ends. It ends with whoever started it, however
# that ends, by SIGKILL too.
in_namespaces() {
  exec setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private "$@"
}

start_libvirt() {
  local directory=$STATE/$MACHINE/libvirt pair
  ip link set lo up
  mount -t tmpfs tmpfs /run
  mkdir --parents /run/lock "$directory"/{etc,lib/images,log,cache}
  cp --recursive --no-target-directory /etc/libvirt "$directory/etc"
  for pair in etc:/etc/libvirt lib:/var/lib/libvirt log:/var/log/libvirt cache:/var/cache/libvirt; do
    mkdir --parents "${pair#*:}"
    mount --bind "$directory/${pair%%:*}" "${pair#*:}"
  done
  # Root in a container or in a machine without udev, cgroups and AppArmor of its own.
  printf '%s\n' 'user = "root"' 'group = "root"' 'security_driver = "none"' 'namespaces = []' \
    'cgroup_controllers = []' 'remember_owner = 0' 'stdio_handler = "file"' >/etc/libvirt/qemu.conf
  printf 'auth_unix_rw = "none"\nauth_unix_ro = "none"\n' >/etc/libvirt/libvirtd.conf
  rm --force /etc/libvirt/qemu/networks/autostart/*
  virtlogd --daemon
  libvirtd --daemon
  wait_for 120 libvirt_answers || die "libvirtd does not answer; see $directory/log"
}

libvirt_answers() { virsh --quiet --connect qemu:///system list >/dev/null 2>&1; }

# Runs a check until it succeeds: `wait_for SECONDS CHECK…`.
wait_for() {
  local until=$((SECONDS + $1))
  while ! "${@:2}"; do
    ((SECONDS < until)) || return 1
    sleep 0.2
  done
}
