# shellcheck shell=bash
# dockerd of later releases and what it starts: `scripts/lab up --with docker-SUITE` lays them over this machine's.
# Part of scripts/unpack.

# 26.1, and the newest that there is. What they need of libraries, Debian 12 has.
# shellcheck disable=SC2034 # for scripts/unpack
readonly SUITES=(trixie sid)
# What takes the place of this machine's; runc is this machine's, since newer ones want a newer libc.
readonly FILES=(usr/sbin/dockerd usr/sbin/docker-proxy usr/bin/docker usr/bin/containerd usr/bin/containerd-shim-runc-v2)

packages() { printf '%s\n' docker.io docker-cli containerd; }

# These files, and no other.
arrange() {
  local file
  for file in "${FILES[@]}"; do
    install -D "$1/$file" "$1/kept/$file"
  done
  mv "$1/kept" "$1.kept"
  rm --recursive "$1"
  mv "$1.kept" "$1"
}

works() { "$1/usr/sbin/dockerd" --version >/dev/null; }
