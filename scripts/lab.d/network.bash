# shellcheck shell=bash
# The namespaces of the places, what lies between them, and their addresses.
# Part of scripts/lab.

up_network() {
  local place
  for place in switch host lan router wan branch; do
    add_place "$place"
  done

  up_switch
  if ((BRIDGED)); then
    plug_in host eth0
    ip -n "$(netns host)" link add "$UPLINK" type bridge
    ip -n "$(netns host)" link set "$UPLINK" up
    ip -n "$(netns host)" link set eth0 master "$UPLINK"
  else
    plug_in host "$UPLINK"
  fi
  plug_in lan eth0
  plug_in router eth0
  cable router eth1 wan eth0
  cable router eth2 branch eth0

  addresses host "$UPLINK" 10.57.17.2/24 fd57:17::2/64 2001:db8:57::2/64
  addresses lan eth0 10.57.17.6/24 10.57.17.5/24 fd57:17::6/64 fd57:17::5/64 2001:db8:57::6/64
  addresses router eth0 10.57.17.1/24 fd57:17::1/64 2001:db8:57::1/64
  addresses router eth1 198.51.100.1/24 2001:db8:100::1/64
  addresses router eth2 192.168.40.1/24 fd57:40::1/64
  addresses wan eth0 198.51.100.10/24 2001:db8:100::10/64
  addresses branch eth0 192.168.40.10/24 fd57:40::10/64

  at router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  if ((!DOCKER)); then
    # Otherwise dockerd turns it on: only then does it close FORWARD to what nobody published.
    at host sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  fi
  gateway host 10.57.17.1 fd57:17::1
  gateway lan 10.57.17.1 fd57:17::1
  gateway wan 198.51.100.1 2001:db8:100::1
  gateway branch 192.168.40.1 fd57:40::1
  route_to_containers lan
  route_to_containers router
  up_public_address
  up_behind_lan
  up_narrow_path
  up_vpn
}

add_place() {
  ip netns add "$(netns "$1")"
  # A new namespace forwards if this machine does, which one with Docker on it does.
  at "$1" sysctl -qw net.ipv4.ip_forward=0
  at "$1" sysctl -qw net.ipv6.conf.{all,default}.accept_dad=0
  # Past the kernel's limit of ICMP errors a refused probe looks like a dropped one.
  at "$1" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
  # Older kernels have one limit for the whole machine, which is left as it is.
  at "$1" sysctl -eqw net.ipv4.icmp_msgs_per_sec=100000 net.ipv4.icmp_msgs_burst=100000
  ip -n "$(netns "$1")" link set lo up
}

# `cable PLACE INTERFACE OTHER_PLACE INTERFACE`
cable() {
  ip -n "$(netns "$1")" link add "$2" type veth peer name "$4" netns "$(netns "$3")"
  ip -n "$(netns "$1")" link set "$2" up
  ip -n "$(netns "$3")" link set "$4" up
}

# Not preferred: the host goes on to speak from the address that its network knows.
up_public_address() {
  addresses host "$UPLINK" 203.0.113.2/32
  ip -n "$(netns host)" address add 2001:db8:200::2/128 dev "$UPLINK" nodad preferred_lft 0
  ip -n "$(netns router)" route add 203.0.113.2 via 10.57.17.2
  ip -n "$(netns router)" route add 2001:db8:200::2 via 2001:db8:57::2
}

# Somebody in each range that can be denied, at the neighbour, which the host takes for a router.
up_behind_lan() {
  local address
  for address in 10.99.0.1 172.16.5.1 192.168.50.1 100.64.7.1 169.254.7.1 198.19.0.1 169.254.169.254 100.100.2.136; do
    addresses lan eth0 "$address/32"
    ip -n "$(netns host)" route add "$address" via 10.57.17.6
  done
  for address in fc00:7::1 64:ff9b::a63:1 2002:a63:1::1 fd00:ec2::254; do
    addresses lan eth0 "$address/128"
    ip -n "$(netns host)" route add "$address" via fd57:17::6
  done
}

# Both ends have the small interface, but the branch tells its peers the size that it would have
# without: they must learn the truth from the router.
up_narrow_path() {
  ip -n "$(netns router)" link set eth2 mtu 1400
  ip -n "$(netns branch)" link set eth0 mtu 1400
  ip -n "$(netns branch)" route change default via 192.168.40.1 advmss 1460
  ip -n "$(netns branch)" -6 route change default via fd57:40::1 advmss 1440
}

up_vpn() {
  ((${#VPN[@]} > 0)) || return 0
  add_place vpn
  local index
  for index in "${!VPN[@]}"; do
    case ${VPN_KIND[index]} in
      --vpn) cable host "${VPN[index]}" vpn "${VPN[index]}" ;;
      --tun) tunnel "${VPN[index]}" ;;
    esac
    addresses host "${VPN[index]}" "10.8.$index.1/24" "fd08:$index::1/64"
    addresses vpn "${VPN[index]}" "10.8.$index.2/24" "fd08:$index::2/64"
  done
  gateway vpn 10.8.0.1 fd08::1
}

tunnel() {
  at host setsid env "$MARK" "$STATE/bin/traffic" tunnel "$1" "/run/netns/$(netns vpn)" \
    >"$STATE/$1.log" 2>&1 </dev/null &
  disown
  # The device at the host is the second one.
  wait_for 50 has_carrier host "$1" || die "no device \`$1\`: $(<"$STATE/$1.log")"
}

has_carrier() { ip -n "$(netns "$1")" link show "$2" 2>/dev/null | grep -q LOWER_UP; }

up_switch() {
  local switch
  switch=$(netns switch)
  ip -n "$switch" link add br0 type bridge mcast_snooping 0
  ip -n "$switch" link set br0 up
  bridge_netfilter switch 0
}

# Does nothing where the kernel has no br_netfilter, as nothing calls iptables from bridges then.
bridge_netfilter() {
  if [[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]]; then
    at "$1" sysctl -qw "net.bridge.bridge-nf-call-iptables=$2" "net.bridge.bridge-nf-call-ip6tables=$2"
  fi
}

plug_in() {
  local place=$1 interface=$2
  ip -n "$(netns switch)" link add "$place" type veth peer name "$interface" netns "$(netns "$place")"
  ip -n "$(netns switch)" link set "$place" master br0 up
  ip -n "$(netns "$place")" link set "$interface" up
}

addresses() {
  local place=$1 interface=$2 address
  for address in "${@:3}"; do
    if [[ $address == *:* ]]; then
      # An address under duplicate detection loses the first packets.
      ip -n "$(netns "$place")" address add "$address" dev "$interface" nodad
    else
      ip -n "$(netns "$place")" address add "$address" dev "$interface"
    fi
  done
}

gateway() {
  ip -n "$(netns "$1")" route add default via "$2"
  ip -n "$(netns "$1")" route add default via "$3"
}

# Neighbours that know the way to containers can try it without a published port.
route_to_containers() {
  ip -n "$(netns "$1")" route add 172.16.0.0/12 via 10.57.17.2
  ip -n "$(netns "$1")" route add fd00:d0c::/32 via fd57:17::2
}
