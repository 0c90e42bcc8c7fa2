# shellcheck shell=bash
# The Docker host: namespaces of its own, that end with one process.
# Part of scripts/lab.

# Two processes hold the host's namespaces. The gate, in this machine's process namespace, is where
# `exec host` enters: a command stays this machine's process, with the pid its caller knows. Its
# child is process 1 of the host's own process namespace, where dockerd and the containers live;
# they all end with the gate.
up_host() {
  setsid env "$MARK" nsenter --net="/run/netns/$(netns host)" -- \
    unshare --mount --uts --ipc --propagation private -- \
    "$SELF" --name "$NAME" become-gate >"$STATE/gate.log" 2>&1 </dev/null &
  echo $! >"$STATE/gate.pid"
  disown
  wait_for 300 test -e "$STATE/init-ready" || die "the host did not start: $(tail -3 "$STATE/gate.log")"
  pgrep --parent "$(<"$STATE/gate.pid")" >"$STATE/init.pid"
}

# Runs inside the new namespaces; what is mounted here nobody else sees.
become_gate() {
  hostname "$(netns host)"
  mkdir -p "$STATE/cgroup"
  mount --rbind /sys/fs/cgroup "$STATE/cgroup"
  mount -t sysfs sysfs /sys # the old one shows the devices of the old network namespace
  mount --rbind "$STATE/cgroup" /sys/fs/cgroup
  umount --recursive "$STATE/cgroup"
  mount -t tmpfs tmpfs /run
  mkdir -p /run/netns /run/lock
  own_etc
  own_programs
  exec unshare --pid --fork --kill-child -- unshare --mount -- \
    "$SELF" --name "$NAME" become-init
}

# An /etc over this machine's: dockerd writes there, and tests do.
own_etc() {
  layer /etc
  rm -f /etc/resolv.conf # a link on many machines
  cp "$STATE/resolv.conf" /etc/resolv.conf
}

# `layer DIRECTORY`: from now on what is written there nobody else sees.
layer() {
  mkdir "$STATE/layer"
  mount -t tmpfs tmpfs "$STATE/layer" # a layer cannot lie on another overlay
  mkdir "$STATE"/layer/{written,work}
  mount -t overlay overlay -o "lowerdir=$1,upperdir=$STATE/layer/written,workdir=$STATE/layer/work" "$1"
  umount --lazy "$STATE/layer"
  rmdir "$STATE/layer"
}

# Process 1 must reap what dockerd leaves behind, or every container takes ten seconds to stop.
become_init() {
  mount -t proc proc /proc
  touch "$STATE/init-ready"
  exec "$(reaper)" -- sleep infinity
}

reaper() {
  local candidate
  for candidate in docker-init /usr/libexec/docker/docker-init tini-static tini; do
    command -v "$candidate" && return
  done
  die "missing: docker-init (package docker.io or tini); scripts/setup installs what the lab needs"
}

# Runs a command in the process namespace of dockerd.
inside() {
  nsenter --target "$(<"$STATE/init.pid")" --mount --net --pid --uts --ipc -- env "$MARK" "$@"
}

in_gate() {
  nsenter --target "$(<"$STATE/gate.pid")" --mount --net --uts --ipc -- \
    env "$MARK" DOCKER_HOST=unix:///run/docker.sock "$@"
}

docker_at_host() { in_gate docker "$@"; }
