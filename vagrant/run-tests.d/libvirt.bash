# shellcheck shell=bash
# A libvirtd of its own, in namespaces that end with it.
# Part of vagrant/run-tests.

# Becomes the same command in new network, mount and process namespaces: bridges, dnsmasq and machines exist
# only in there, and what is left when it ends, the kernel ends.
enter_namespaces() {
  [[ -z ${DOCKWALL_IN_NAMESPACES:-} ]] || return 0
  DOCKWALL_IN_NAMESPACES=yes exec unshare --net --mount --pid --fork --kill-child --mount-proc \
    --propagation private "$SELF" "$@"
}

start_libvirt() {
  local state=$WORK/libvirt pair
  ip link set lo up
  mount -t tmpfs tmpfs /run
  mkdir --parents /run/lock "$state"/{etc,lib/images,log,cache}
  cp --recursive --no-target-directory /etc/libvirt "$state/etc"
  for pair in etc:/etc/libvirt lib:/var/lib/libvirt log:/var/log/libvirt cache:/var/cache/libvirt; do
    mkdir --parents "${pair#*:}"
    mount --bind "$state/${pair%%:*}" "${pair#*:}"
  done
  # Root in a container or in a machine without udev, cgroups and AppArmor of its own.
  printf '%s\n' 'user = "root"' 'group = "root"' 'security_driver = "none"' 'namespaces = []' \
    'cgroup_controllers = []' 'remember_owner = 0' 'stdio_handler = "file"' >/etc/libvirt/qemu.conf
  printf 'auth_unix_rw = "none"\nauth_unix_ro = "none"\n' >/etc/libvirt/libvirtd.conf
  rm --force /etc/libvirt/qemu/networks/autostart/*
  virtlogd --daemon
  libvirtd --daemon
  wait_for 100 libvirt_answers || die "libvirtd does not answer; see $state/log"
}

libvirt_answers() { virsh --quiet --connect qemu:///system list >/dev/null 2>&1; }

# Runs a check until it succeeds: `wait_for TENTHS_OF_A_SECOND CHECK…`.
wait_for() {
  local tries=$1
  while ! "${@:2}"; do
    ((--tries > 0)) || return 1
    sleep 0.1
  done
}
