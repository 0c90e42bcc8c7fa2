# shellcheck shell=bash
# Guests on bridges that a program at the host has made, and networks by the plugins of CNI.
# Part of scripts/lab.

# ---------------------------------------------------------------- a guest's interface

guest_command() {
  require_lab
  (($# > 3)) || die "which guest, where? \`guest NAME BRIDGE [GATEWAY ADDRESS]…\`"
  local name=$1 bridge=$2 port
  shift 2
  ip -n "$(netns host)" link show "$bridge" >/dev/null 2>&1 || die "the host has no bridge \`$bridge\`"
  remove_place "$name"
  add_place "$name"
  port=v$(cksum <<<"$bridge$name" | cut -d ' ' -f 1)
  cable host "$port" "$name" eth0
  ip -n "$(netns host)" link set "$port" master "$bridge"
  while (($# > 1)); do
    addresses "$name" eth0 "$2"
    ip -n "$(netns "$name")" route add default via "$1"
    shift 2
  done
  # A bridge that looks for loops lets nothing through at first.
  wait_for 100 is_forwarding "$port" || die "nothing gets through \`$bridge\`"
  serve_at "$name"
}

is_forwarding() { bridge -n "$(netns host)" link show dev "$1" | grep -q 'state forwarding'; }

# With what serves there, and the interface at the host.
remove_place() {
  local processes
  [[ -e /run/netns/$(netns "$1") ]] || return 0
  processes=$(ip netns pids "$(netns "$1")")
  # shellcheck disable=SC2086 # one word for each process
  [[ -z $processes ]] || kill -KILL $processes 2>/dev/null || true
  ip netns delete "$(netns "$1")"
}

# ---------------------------------------------------------------- CNI

# `cni_plugins NETWORK`: how runtimes chain them. nerdctl's network `bridge`, and that of k3s, whose flannel calls the
# first of these.
cni_plugins() {
  case $1 in
    nerdctl) echo bridge portmap firewall tuning ;;
    k3s) echo bridge portmap ;;
    *) die "no network \`$1\`: nerdctl or k3s" ;;
  esac
}

# `cni_plugin PLUGIN NETWORK PORT`: the plugin's own part of the configuration.
cni_plugin() {
  case $1/$2 in
    bridge/nerdctl)
      echo '"bridge": "nerdctl0", "isGateway": true, "ipMasq": true, "hairpinMode": true, "ipam": {"type": "host-local",
        "ranges": [[{"subnet": "10.4.0.0/24"}], [{"subnet": "fd00:d0c:40::/64"}]],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}'
      ;;
    bridge/k3s)
      echo '"bridge": "cni0", "isDefaultGateway": true, "hairpinMode": true, "ipam": {"type": "host-local",
        "ranges": [[{"subnet": "10.42.0.0/24"}], [{"subnet": "fd00:d0c:42::/64"}]]}'
      ;;
    portmap/nerdctl)
      echo '"capabilities": {"portMappings": true},
        "runtimeConfig": {"portMappings": [{"hostPort": '"$3"', "containerPort": 7000, "protocol": "tcp"}]}'
      ;;
    portmap/k3s) echo '"capabilities": {"portMappings": true}' ;;
    firewall/*) echo '"backend": "iptables"' ;;
    tuning/*) echo '"sysctl": {}' ;;
  esac
}

cni_command() {
  require_lab
  has_program containernetworking-plugins || die "no plugins: start the lab with \`--with containernetworking-plugins\`"
  (($# > 1)) || die "which container, and what? \`cni add|check|del NAME [NETWORK [PORT]]\`"
  local verb=$1 name=$2 network=${3:-nerdctl} port=${4:-9500} plugins plugin
  read -ra plugins < <(cni_plugins "$network")
  CNI_RESULT=$(cat "$STATE/cni-$name" 2>/dev/null || true)
  case $verb in
    add)
      add_place "$name"
      show_to_host "$name"
      ;;
    # portmap 1.1.1 looks for the rules of IPv4 in ip6tables.
    check) read -ra plugins <<<"${plugins[*]/portmap/}" ;;
    del) mapfile -t plugins < <(printf '%s\n' "${plugins[@]}" | tac) ;;
    *) die "cni what? add, check or del" ;;
  esac
  for plugin in "${plugins[@]}"; do
    run_cni_plugin "$plugin" "$verb" "$name" "$network" "$port"
  done
  case $verb in
    add)
      echo "$CNI_RESULT" >"$STATE/cni-$name"
      serve_at "$name"
      ;;
    del)
      rm "$STATE/cni-$name"
      in_gate umount "/run/netns/$name"
      remove_place "$name"
      ;;
  esac
}

# The host's /run is its own; there the namespace has the place's name.
show_to_host() {
  in_gate touch "/run/netns/$1"
  in_gate mount --bind "/proc/$$/root/run/netns/$(netns "$1")" "/run/netns/$1"
}

# By the interface that runtimes use: the configuration on standard input, the rest in the environment, the result on
# standard output (CNI specification, section 2).
run_cni_plugin() {
  local configuration result
  configuration='{"cniVersion": "0.4.0", "name": "'"$4"'", "type": "'"$1"'", '$(cni_plugin "$1" "$4" "$5")
  [[ -z $CNI_RESULT ]] || configuration+=', "prevResult": '$CNI_RESULT
  result=$(in_gate env "CNI_COMMAND=${2^^}" "CNI_CONTAINERID=$NAME-$3" "CNI_NETNS=/run/netns/$3" \
    CNI_IFNAME=eth0 CNI_PATH=/usr/lib/cni "/usr/lib/cni/$1" <<<"$configuration}") ||
    die "the plugin $1 cannot $2: $result"
  [[ $2 != add ]] || CNI_RESULT=$result
}
