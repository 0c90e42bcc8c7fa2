# shellcheck shell=bash
# The plays, and what must have come of each.
# Part of tests/ansible.

plays() {
  write_inventory
  the_example_is_one
  a_dry_run_on_fresh_hosts_installs_nothing
  an_audit_everywhere
  a_dry_run_tells_the_plan_and_changes_nothing
  what_would_cut_the_play_is_refused_through_sudo
  who_locks_itself_out_goes_back_and_stops_the_play
  mended_it_passes_everywhere
  a_second_run_changes_nothing
  echo "tests/ansible: 8 passed, 0 failed"
}

# Two hosts have the Debian package, one the tarball.
write_inventory() {
  local host
  mkdir -p "$WORK"/inventory/{group,host}_vars "$WORK/home"
  {
    echo '[docker_hosts]'
    for host in "${HOSTS[@]}"; do
      echo "$host ansible_host=${ADDRESS[$host]}"
    done
    echo '[docker_hosts:vars]'
    echo 'ansible_python_interpreter=/usr/bin/python3'
    echo "dockwall_package=$(echo "$DIST"/dockwall_*.deb)"
    echo 'dockwall_confirm_seconds=30'
    echo 'dockwall_reach_seconds=12'
  } >"$WORK/inventory/hosts"
  {
    echo "dockwall_package: $(echo "$DIST"/dockwall-*-linux.tar.gz)"
    echo 'dockwall_strict: true'
  } >"$WORK/inventory/host_vars/web-3.yml"
  cat >"$WORK/inventory/group_vars/docker_hosts.yml" <<'VARS'
dockwall_grants:
  - { name: ldap, to: 10.57.17.5, ports: [389/tcp], until: 2999-12-31T18:00:00Z, required: false, comment: "Münch's \"directory\"" }
VARS
}

# ansible PROGRAM OPTION…
ansible() {
  env -i PATH="$PATH" HOME="$WORK/home" LC_ALL=C.UTF-8 ANSIBLE_NOCOLOR=1 ANSIBLE_PIPELINING=1 ANSIBLE_DISPLAY_SKIPPED_HOSTS=0 \
    ANSIBLE_SSH_CONTROL_PATH_DIR="$WORK/home/cp" ANSIBLE_SSH_ARGS="-F $WORK/ssh-config -o ControlMaster=auto -o ControlPersist=60s" \
    timeout --kill-after=5 "$PATIENCE" "$@" </dev/null
}

# play STATUS TITLE [OPTION…]: with its transcript in $WORK/transcript.
play() {
  local status=0
  printf '\n== %s\n' "$2"
  ansible ansible-playbook --inventory "$WORK/inventory" packaging/ansible/dockwall.yml "${@:3}" \
    >"$WORK/transcript" 2>&1 || status=$?
  cat "$WORK/transcript"
  ((status == $1)) || fail "\`$2\` ended with $status"
}

says() { grep --quiet --fixed-strings -- "$1" "$WORK/transcript" || fail "nobody said \`$1\`"; }

# recap HOST PATTERN…: what its line of the recap must match.
recap() {
  local line pattern
  line=$(grep "^$1 .*ok=" "$WORK/transcript") || fail "$1 has no part in it"
  for pattern in "${@:2}"; do
    grep --quiet --extended-regexp "$pattern" <<<"$line" || fail "not $pattern: $line"
  done
}

# in_force HOST: the mode of its wall, as it says itself.
in_force() {
  login "$1" "sudo dockwall --json status" |
    /usr/bin/python3 -c 'import json, sys; wall = json.load(sys.stdin)["wall"]; print(wall and wall["mode"])'
}

expect_in_force() { [[ $(in_force "$1") == "$2" ]] || fail "$1: in force is $(in_force "$1"), not $2"; }

# What a host has of ours: its table without what it remembers, its configuration and its history. What was made anew
# stands in another place of the list.
state_of() {
  ip netns exec "$1" nft --stateless --terse list table inet dockwall | sort
  (cd "$(root_of "$1")" && sha256sum etc/dockwall/* var/lib/dockwall/generation-*)
}

# expect_state BEFORE HOST…
expect_state() {
  local now host
  now=$(for host in "${@:2}"; do state_of "$host"; done)
  [[ $now == "$1" ]] || fail "something is left on ${*:2}: $(diff <(echo "$1") <(echo "$now"))"
}

# ---------------------------------------------------------------- the plays, in their order

the_example_is_one() {
  local example=packaging/ansible/inventory.example.yml
  ansible ansible-playbook --inventory "$example" packaging/ansible/dockwall.yml --syntax-check >"$WORK/said" 2>&1 ||
    fail "$example: $(<"$WORK/said")"
  ! grep --quiet WARNING "$WORK/said" || fail "$example: $(<"$WORK/said")"
  ansible ansible-inventory --inventory "$example" --host web-2.example | grep --quiet '"name": "directory"' ||
    fail "$example has no grant of a host"
}

a_dry_run_on_fresh_hosts_installs_nothing() {
  local host
  play 0 "on fresh hosts, as a dry run" --check -e dockwall_serial=100%
  for host in "${HOSTS[@]}"; do
    recap "$host" 'changed=[1-9]' 'failed=0'
    [[ ! -e $(root_of "$host")/var/cache/dockwall ]] || fail "a dry run sent something to $host"
  done
}

an_audit_everywhere() {
  local host
  play 0 "installed, in audit mode" -e dockwall_serial=100%
  for host in "${HOSTS[@]}"; do
    recap "$host" 'changed=[1-9]' 'unreachable=0' 'failed=0'
    expect_in_force "$host" audit
    login "$host" systemctl is-enabled --quiet dockwall dockwall-guard || fail "$host: units are not enabled"
    login "$host" systemctl is-active --quiet dockwall-guard || fail "$host: no guard runs"
  done
  [[ -e $(root_of web-3)/etc/systemd/system/docker.service.d/dockwall.conf ]] || fail "web-3 is not strict"
}

a_dry_run_tells_the_plan_and_changes_nothing() {
  local before
  before=$(state_of web-1)
  play 0 "enforcing, as a dry run" --check --diff --limit web-1 -e '{"dockwall_config": {"mode": "enforce"}}'
  recap web-1 'changed=[1-9]' 'failed=0'
  says '+mode = "enforce"'
  says '+ rule DOCKER-USER-DROP meta nfproto ipv4 counter drop'
  expect_state "$before" web-1
}

# The connection of the play comes in by an interface that would be policed; sudo does not hide it.
what_would_cut_the_play_is_refused_through_sudo() {
  local before
  before=$(state_of web-3)
  play 2 "with the play's own interface policed" --limit web-3 \
    -e '{"dockwall_config": {"mode": "enforce", "containers": {"interfaces": ["eth0"]}}}'
  says 'this would cut the connection that you are working over'
  says 'in force there: generation 1, mode audit, as before'
  recap web-3 'failed=1'
  expect_state "$before" web-3
}

who_locks_itself_out_goes_back_and_stops_the_play() {
  local before host watcher
  before=$(state_of web-2 && state_of web-3)
  watch_logins web-2 &
  watcher=$!
  play 2 "enforcing, one after the other; web-2 locks itself out" -e '{"dockwall_config": {"mode": "enforce"}}'
  kill "$watcher"
  wait "$watcher" 2>/dev/null || true
  recap web-1 'changed=[1-9]' 'failed=0'
  recap web-2 'unreachable=0' 'failed=1'
  says 'web-2 did not take the new policy'
  says 'in force there: generation 1, mode audit, as before'
  ! grep --quiet 'web-3' "$WORK/transcript" || fail "web-3 was touched"
  grep --quiet refused "$WORK/logins" || fail "web-2 was never locked: $(sort "$WORK/logins" | uniq -c)"
  for host in web-2 web-3; do
    expect_in_force "$host" audit
  done
  expect_in_force web-1 enforce
  rm "$(root_of web-2)/var/lib/dockwall/generation-2.json" # the history keeps what was tried
  expect_state "$before" web-2 web-3
  echo "web-2 refused $(grep --count refused "$WORK/logins") new logins meanwhile; it goes on in audit mode, and web-3 was not touched"
}

# What becomes of a new login each second.
watch_logins() {
  while sleep 1; do
    if login "$1" true 2>/dev/null; then echo came in; else echo refused; fi >>"$WORK/logins"
  done
}

mended_it_passes_everywhere() {
  local host
  cat >"$WORK/inventory/host_vars/web-2.yml" <<VARS
dockwall_host_grants:
  - { name: directory, to: $DIRECTORY, ports: [6360/tcp], from: $CONTAINER, comment: sshd asks who may log in }
VARS
  play 0 "web-2 has its grant" -e '{"dockwall_config": {"mode": "enforce"}, "dockwall_serial": "100%"}'
  recap web-1 'changed=0' 'failed=0'
  for host in web-2 web-3; do
    recap "$host" 'changed=[1-9]' 'unreachable=0' 'failed=0'
  done
  for host in "${HOSTS[@]}"; do
    expect_in_force "$host" enforce
  done
}

a_second_run_changes_nothing() {
  local host
  play 0 "once more" -e '{"dockwall_config": {"mode": "enforce"}, "dockwall_serial": "100%"}'
  for host in "${HOSTS[@]}"; do
    recap "$host" 'changed=0' 'unreachable=0' 'failed=0'
  done
  login web-3 sudo dockwall check | grep --quiet "2999-12-31.*Münch's \"directory\"" || fail "$(login web-3 sudo dockwall check)"
}
