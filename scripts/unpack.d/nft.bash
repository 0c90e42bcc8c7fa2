# shellcheck shell=bash
# nft of each release, with its own libraries: `nft-SUITE/nft` runs it. tests/nft_versions holds the table against each.
# Part of scripts/unpack.

# 1.0.6, 1.1.3 and the newest that there is.
# shellcheck disable=SC2034 # for scripts/unpack
readonly SUITES=(bookworm trixie sid)

# nft and its libraries, libc among them, as a machine would get them that has nothing.
packages() {
  archive_get install --simulate --no-install-recommends nftables | sed -nE 's/^Inst ((nftables|lib)[^ ]*) .*/\1/p'
}

# A program that runs it by the loader and the libraries beside it.
arrange() {
  local loader libraries
  loader=$(find "$1" -name 'ld-linux*.so.*' -printf '%P' -quit)
  libraries=$(find "$1" -name 'lib*.so.*' -printf "$2/%P\n" |
    sed 's,/[^/]*$,,' | sort --unique | paste --serial --delimiters=:)
  printf '#!/bin/sh\nexec %q --library-path %q %q "$@"\n' "$2/$loader" "$libraries" "$2/usr/sbin/nft" >"$1/nft"
  chmod 755 "$1/nft"
}

works() { "$1/nft" --version >/dev/null; }
