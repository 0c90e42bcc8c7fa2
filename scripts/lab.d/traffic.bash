# shellcheck shell=bash
# The program that asks and answers.
# Part of scripts/lab.

# The lab runs a copy: cargo may build a new one meanwhile.
install_traffic() {
  local program
  program=$(find_traffic)
  mkdir "$STATE/bin"
  cp "$program" "$STATE/bin/traffic"
}

find_traffic() {
  if [[ -n ${DOCKWALL_TRAFFIC:-} ]]; then
    echo "$DOCKWALL_TRAFFIC"
    return
  fi
  local target=${CARGO_TARGET_DIR:-$REPOSITORY/target} profile
  for profile in debug release; do
    if is_fresh "$target/$profile/traffic"; then
      echo "$target/$profile/traffic"
      return
    fi
  done
  command -v cargo >/dev/null || die "no program \`traffic\`: build it with \`cargo build --package traffic\`"
  say "building traffic"
  (cd "$REPOSITORY" && cargo build --quiet --package traffic --target-dir "$target") ||
    die "cannot build \`traffic\`"
  echo "$target/debug/traffic"
}

is_fresh() {
  [[ -x $1 && -z $(find "$REPOSITORY/tests/traffic" -name '*.rs' -newer "$1") ]]
}

up_servers() {
  serve_at lan --tcp 80 --dns 53 --raw 2 --raw 33 --raw 47 --raw 50 --raw 51 --raw 132 --raw 136
  serve_at wan
  serve_at branch
  ((${#VPN[@]} == 0)) || serve_at vpn
  in_gate setsid "$STATE/bin/traffic" "${SERVE[@]}" >"$STATE/host.log" 2>&1 </dev/null &
  disown
}

serve_at() {
  at "$1" setsid env "$MARK" "$STATE/bin/traffic" "${SERVE[@]}" "${@:2}" >"$STATE/$1.log" 2>&1 </dev/null &
  disown
}

# Asks every server by every protocol, from where the tests will ask.
await_answers() {
  wait_for 50 everything_answers && return
  cat "$STATE/probes" >&2
  die "not everything answers, as shown above"
}

everything_answers() {
  {
    probe_from in_gate 10.57.17.{5,6} fd57:17::{5,6} 2001:db8:57::6 198.51.100.10 2001:db8:100::10
    probe_from in_gate 10.99.0.1 169.254.169.254 fc00:7::1 192.168.40.10 fd57:40::10
    ((${#VPN[@]} == 0)) || probe_from in_gate 10.8.0.2 fd08::2
    probe_from "at lan" 10.57.17.2 fd57:17::2
    probe_from "at wan" 10.57.17.2 2001:db8:57::2 203.0.113.2 2001:db8:200::2
    if ((DOCKER)); then
      probe_from "in_container app" 10.57.17.6 fd57:17::6
      probe_from "in_container db-1" 198.51.100.10 2001:db8:100::10
      probe_from "in_container web-2" 172.21.0.2 fd00:d0c:21::2
    fi
  } >"$STATE/probes"
  ! grep -qv ' ok$' "$STATE/probes"
}

# `probe_from "RUNNER [ARGUMENT]" ADDRESS…`
probe_from() {
  local address
  for address in "${@:2}"; do
    printf '%s\n' "tcp $address 7000" "udp $address 7001"
    [[ $address != 10.57.17.5 ]] || printf '%s\n' "dns $address 53"
  done | $1 "$STATE/bin/traffic" probes --timeout 300 - | sed "s/^/$1 → /" ||
    echo "$1: traffic does not run there"
}
