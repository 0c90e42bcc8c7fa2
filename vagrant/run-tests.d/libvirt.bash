# shellcheck shell=bash
# A libvirtd of its own, in namespaces that end with it.
# Part of vagrant/run-tests.

# Ends as the same command does in new network, mount and process namespaces: bridges, dnsmasq and machines exist
# only in there, and what is left when it ends, the kernel ends.
enter_namespaces() {
  [[ -z ${DOCKWALL_IN_NAMESPACES:-} ]] || return 0
  local status=0 inside
  # However this one ends, by SIGKILL too: what is inside hears of no other signal.
  DOCKWALL_IN_NAMESPACES=yes setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child --mount-proc \
    --propagation private "$SELF" "$@" &
  inside=$!
  trap 'kill -KILL "$inside" 2>/dev/null || true' INT TERM HUP
  wait "$inside" || status=$?
  # The disks, of which logs and boxes stay.
  rm --recursive --force "$WORK/libvirt"
  exit "$status"
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
  wait_for 120 libvirt_answers || die "libvirtd does not answer; see $state/log"
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
