# shellcheck shell=bash
# dockerd, and containers without a registry.
# Part of scripts/lab.

# ---------------------------------------------------------------- dockerd

start_dockerd() {
  local options=(
    --host unix:///run/docker.sock --pidfile /run/docker.pid --exec-root /run/docker
    --data-root "$STATE/docker" --cgroup-parent "/$CGROUP" --live-restore
    --ipv6 --fixed-cidr-v6 fd00:d0c:1::/64 --experimental --ip6tables
  )
  # 20.10 lowers its own score by default, which a container around the lab may forbid.
  if inside dockerd --help | grep -q -e --oom-score-adjust; then
    options+=(--oom-score-adjust=0)
  fi
  # Kept for a later start; what is said twice counts as said last.
  local more=()
  [[ ! -e $STATE/dockerd-options ]] || mapfile -t more <"$STATE/dockerd-options"
  options+=("${more[@]}")
  # shellcheck disable=SC2016 # expanded by the inner shell
  inside sh -c 'cd / && log=$1 && shift && { setsid dockerd "$@" </dev/null >>"$log" 2>&1 & echo $!; }' \
    sh "$STATE/dockerd.log" "${options[@]}" >"$STATE/dockerd.pid"
}

await_dockerd() {
  wait_for 300 dockerd_answers_or_died && dockerd_answers && return
  tail -n 20 "$STATE/dockerd.log" >&2
  die "dockerd did not start; the end of its log is above"
}

dockerd_answers() { docker_at_host version >/dev/null 2>&1; }

dockerd_answers_or_died() { ! dockerd_runs || dockerd_answers; }

# Its own pid file comes late, and a moment after the start it is no dockerd yet.
dockerd_runs() { inside kill -0 "$(<"$STATE/dockerd.pid")" 2>/dev/null; }

signal_dockerd() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  inside sh -c 'kill -s "$1" "$(cat /run/docker.pid)"' sh "$1" 2>/dev/null ||
    die "dockerd does not run"
  wait_for 150 dockerd_is_gone || die "dockerd does not stop; see $STATE/dockerd.log"
}

dockerd_is_gone() { ! dockerd_runs; }

dockerd_command() {
  require_docker
  case ${1:-} in
    stop) signal_dockerd TERM ;;
    kill) signal_dockerd KILL ;;
    start)
      ! dockerd_runs || die "dockerd runs already"
      start_dockerd
      await_dockerd
      remember_containers
      ;;
    restart)
      dockerd_command stop
      dockerd_command start
      ;;
    *) die "dockerd what? stop, start, restart or kill" ;;
  esac
}

# ---------------------------------------------------------------- images and containers

# No registry is needed: an image is a tar archive of a few links.
import_images() {
  local root=$STATE/image
  mkdir -p "$root"/tools/{usr,etc/alternatives,tmp,proc,sys,dev,run,root,lab}
  ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root/tools"
  echo 'root:x:0:0::/root:/bin/sh' >"$root/tools/etc/passwd"
  tar -C "$root/tools" -c . | docker_at_host import - tools >/dev/null &
  local tools=$!

  mkdir -p "$root"/busybox/{bin,etc,tmp,root}
  cp "$(command -v busybox)" "$root/busybox/bin/busybox"
  local applet
  for applet in sh cat ip nc nslookup ping sleep wget; do
    ln -s busybox "$root/busybox/bin/$applet"
  done
  tar -C "$root/busybox" -c . | docker_at_host import - busybox >/dev/null
  wait "$tools"
}

up_containers() {
  create_network backend 172.21.0.0/16 fd00:d0c:21::/64
  create_network other 172.22.0.0/16 fd00:d0c:22::/64
  local pid pids=()
  run_container app & pids+=($!)
  run_container web-1 --network backend --ip 172.21.0.2 --ip6 fd00:d0c:21::2 \
    -p 8080:7000/tcp -p 8081:7004/tcp -p 8053:7001/udp -p 51820:7001/udp & pids+=($!)
  run_container web-2 --network backend --ip 172.21.0.3 --ip6 fd00:d0c:21::3 & pids+=($!)
  run_container db-1 --network other --ip 172.22.0.2 --ip6 fd00:d0c:22::2 & pids+=($!)
  for pid in "${pids[@]}"; do
    wait "$pid" || die "a container did not start"
  done
  remember_containers
}

create_network() {
  docker_at_host network create --ipv6 --subnet "$2" --subnet "$3" "$1" >/dev/null
}

# `run_container NAME [OPTION…] [-- COMMAND…]`
run_container() {
  local name=$1 options=() command=(/lab/traffic "${SERVE[@]}")
  shift
  while (($#)) && [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  if (($# > 1)); then
    command=("${@:2}")
  fi
  docker_at_host run --detach --name "$name" --hostname "$name" --stop-signal KILL \
    --cap-add NET_ADMIN --cap-add NET_RAW --volume /usr:/usr:ro \
    --volume /etc/alternatives:/etc/alternatives:ro --volume "$STATE/bin:/lab:ro" \
    "${options[@]}" tools "${command[@]}" >/dev/null
}

run_command() {
  require_docker
  (($#)) || die "run what? \`run NAME [OPTION…] [-- COMMAND…]\`"
  run_container "$@"
  remember_containers
}

# Where the network namespace of each container is, for `exec`: a file that dockerd keeps in the
# host's /run, reached through process 1.
remember_containers() {
  local containers name key
  containers=$(docker_at_host ps --quiet)
  [[ -n $containers ]] || return 0
  # shellcheck disable=SC2086 # one word for each container
  docker_at_host inspect --format '{{.Name}} {{.NetworkSettings.SandboxKey}}' $containers |
    while read -r name key; do
      echo "/proc/$(<"$STATE/init.pid")/root/run/docker/netns/${key##*/}" >"$STATE/container/${name#/}"
    done
}

# dockerd leaves the file of an ended container for a while: an empty one, no namespace any more.
is_remembered() {
  [[ -e $STATE/container/$1 ]] &&
    [[ $(stat --file-system --format %T "$(<"$STATE/container/$1")" 2>/dev/null) == nsfs ]]
}

in_container() { nsenter --net="$(<"$STATE/container/$1")" -- "${@:2}"; }

plug_command() {
  require_docker
  (($# > 2)) || die "plug what, as what? \`plug CONTAINER IFNAME ADDRESS…\`"
  is_remembered "$1" || die "no container \`$1\`"
  local namespace interface=$2 address
  namespace=$(<"$STATE/container/$1")
  ip -n "$(netns switch)" link add "$1" type veth peer name "$interface" netns "$namespace"
  ip -n "$(netns switch)" link set "$1" master br0 up
  in_container "$1" ip link set "$interface" up
  # Docker turns IPv6 off where it gave no address of it.
  in_container "$1" sysctl -qw "net.ipv6.conf.$interface.disable_ipv6=0" "net.ipv6.conf.$interface.accept_dad=0"
  for address in "${@:3}"; do
    local flags=()
    [[ $address != *:* ]] || flags=(nodad)
    in_container "$1" ip address add "$address" dev "$interface" "${flags[@]}"
  done
}
