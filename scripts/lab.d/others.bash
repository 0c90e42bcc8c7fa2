# shellcheck shell=bash
# What others than the host's Docker bring along.
# Part of scripts/lab.

# ---------------------------------------------------------------- other people's bridges

bridge_command() {
  require_lab
  (($# > 1)) || die "which bridge, with what? \`bridge NAME SUBNET…\`"
  local bridge=$1 guest=$1-guest subnet
  add_place "$guest"
  ip -n "$(netns host)" link add "$bridge" type bridge
  ip -n "$(netns host)" link set "$bridge" up
  local port # the bridge's name may be as long as a name can be
  port=v$(cksum <<<"$bridge" | cut -d ' ' -f 1)
  cable host "$port" "$guest" eth0
  ip -n "$(netns host)" link set "$port" master "$bridge"
  for subnet in "${@:2}"; do
    local base=${subnet%/*} length=${subnet#*/} iptables=iptables
    [[ $base != *:* ]] || iptables=ip6tables
    base=${base%0}
    addresses host "$bridge" "${base}1/$length"
    addresses "$guest" eth0 "${base}2/$length"
    ip -n "$(netns "$guest")" route add default via "${base}1"
    # As libvirt and podman do; without it Docker's policy of FORWARD keeps their guests in.
    in_gate "$iptables" -w -I FORWARD -i "$bridge" -j ACCEPT
    in_gate "$iptables" -w -I FORWARD -o "$bridge" -j ACCEPT
    in_gate "$iptables" -w -t nat -A POSTROUTING -s "$subnet" ! -o "$bridge" -j MASQUERADE
  done
  serve_at "$guest"
}

# ---------------------------------------------------------------- Docker in Docker

# Everything that `--privileged` gives but CAP_SYS_RESOURCE, which a machine may lack itself.
readonly NESTED=(
  --cap-add ALL --cap-drop SYS_RESOURCE --security-opt seccomp=unconfined --security-opt apparmor=unconfined
  --security-opt systempaths=unconfined --device-cgroup-rule "a *:* rwm" --cgroupns private
  --volume /var/lib/docker --tmpfs /run
)

nested_command() {
  require_docker
  (($# > 0)) || die "nested what? \`nested NAME [OPTION…] [-- OPTION…]\`"
  local name=$1 options=()
  shift
  while (($#)) && [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  run_container "$name" "${NESTED[@]}" --volume "$REPOSITORY/scripts:/repository/scripts:ro" --volume "$STATE/image:/image:ro" \
    --volume "$STATE/bin:$STATE/bin:ro" \
    "${options[@]}" -- bash /repository/scripts/lab become-nested "${@:2}"
  remember_containers
  wait_for 200 nested_answers "$name" || {
    docker_at_host logs "$name" 2>&1 | tail -n 20 >&2
    die "the dockerd in \`$name\` did not start; the end of its log is above"
  }
  in_nested "$name" sh -c 'tar -C /image/tools -c . | docker import - tools' >/dev/null
  in_nested "$name" docker run --detach --name inner --cap-add NET_ADMIN --publish 9300:7000/tcp \
    --volume /usr:/usr:ro --volume /etc/alternatives:/etc/alternatives:ro --volume /lab:/lab:ro \
    tools /lab/traffic "${SERVE[@]}" >/dev/null
  remember_nested "$name" inner "$name-inner"
}

# `remember_nested NAME CONTAINER PLACE`: a container of the Docker in a container.
remember_nested() {
  local pid key
  pid=$(docker_at_host inspect --format '{{.State.Pid}}' "$1")
  key=$(in_nested "$1" docker inspect --format '{{.NetworkSettings.SandboxKey}}' "$2")
  echo "/proc/$(<"$STATE/init.pid")/root/proc/$pid/root/$key" >"$STATE/container/$3"
}

in_nested() { docker_at_host exec --env DOCKER_HOST=unix:///run/docker.sock "$@"; }

nested_answers() { in_nested "$1" docker version >/dev/null 2>&1; }

# Runs as process 1 of the container, with options of dockerd.
become_nested() {
  sysctl -qw net.ipv6.conf.{all,default}.accept_dad=0
  local tree
  for tree in /sys/fs/cgroup /sys/fs/cgroup/*; do
    ! mountpoint --quiet "$tree" || mount -o remount,bind,rw "$tree"
  done
  if [[ -e /sys/fs/cgroup/cgroup.subtree_control ]]; then
    # A group with processes of its own cannot have groups with limits (cgroups(7)).
    mkdir /sys/fs/cgroup/init
    echo $$ >/sys/fs/cgroup/init/cgroup.procs
    sed 's/[^ ]* */+& /g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
  fi
  local score=()
  ! dockerd --help | grep -q -e --oom-score-adjust || score=(--oom-score-adjust=0)
  exec "$(reaper)" -- dockerd --host unix:///run/docker.sock --storage-driver vfs "${score[@]}" \
    --bip 10.88.5.1/24 --ipv6 --fixed-cidr-v6 fd00:88:5::/64 --experimental --ip6tables "$@"
}

# ---------------------------------------------------------------- swarm

service_command() {
  require_docker
  (($# > 0)) || die "which service? \`service NAME [OPTION…]\`"
  docker_at_host service create --detach --quiet --no-resolve-image --name "$1" \
    --mount type=bind,source=/usr,target=/usr,readonly \
    --mount type=bind,source=/etc/alternatives,target=/etc/alternatives,readonly \
    --mount "type=bind,source=$STATE/bin,target=/lab,readonly" \
    "${@:2}" tools /lab/traffic "${SERVE[@]}" >/dev/null
  wait_for 300 remember_task "$1" || {
    docker_at_host service ps --no-trunc "$1" >&2
    die "service \`$1\` has no running task"
  }
}

# The task runs at the host, or in a container that is a node of the swarm.
remember_task() {
  local filter=(--filter "label=com.docker.swarm.service.name=$1" --format '{{.Names}}') task node
  task=$(docker_at_host ps "${filter[@]}" | head -1)
  if [[ -n $task ]]; then
    remember_containers
    cp "$STATE/container/$task" "$STATE/container/$1"
    return
  fi
  for node in "$STATE"/container/*-inner; do
    [[ -e $node ]] || continue
    node=$(basename "${node%-inner}")
    task=$(in_nested "$node" docker ps "${filter[@]}" | head -1)
    if [[ -n $task ]]; then
      remember_nested "$node" "$task" "$1"
      return
    fi
  done
  return 1
}
