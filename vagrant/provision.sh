#!/bin/bash
# Makes a guest what its row of the Vagrantfile says. Run as root in it; may be run again.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

# Public boxes come without Docker, and there is none of sid.
install_docker() {
  if [[ $SUITE == sid ]]; then
    local mirror
    mirror=$(grep --recursive --no-filename --only-matching --extended-regexp 'https?://[^ ]+/debian/?' \
      /etc/apt/sources.list* | grep --invert-match security | head -1)
    echo "deb $mirror sid main" >/etc/apt/sources.list.d/sid.list
  fi
  apt-get update --quiet=2
  local packages=(docker.io nftables iptables busybox-static rsync strace tcpdump)
  [[ $SUITE == bookworm ]] || packages+=(docker-cli)
  apt-get install --quiet=2 --yes "${packages[@]}"
}

use_legacy_iptables() {
  local program
  for program in iptables ip6tables; do
    update-alternatives --quiet --set "$program" "/usr/sbin/$program-legacy"
  done
  systemctl stop docker.socket docker
  # What Docker made by nf_tables would stay beside what it makes now.
  nft flush ruleset
  systemctl start docker
}

await_docker() {
  local tries=300
  until docker info >/dev/null 2>&1; do
    ((--tries > 0)) || { journalctl --unit docker --no-pager | tail -20 >&2 && return 1; }
    sleep 0.2
  done
}

[[ -n $BUILT_HERE ]] || install_docker
[[ $IPTABLES != legacy ]] || iptables --version | grep --quiet legacy || use_legacy_iptables
await_docker
echo "Docker $(docker version --format '{{.Server.Version}}'), $(iptables --version), $(nft --version), Linux $(uname -r)"
