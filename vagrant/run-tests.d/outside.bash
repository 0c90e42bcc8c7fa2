# shellcheck shell=bash
# What is tested from outside of a machine: as its neighbour on the LAN, and by booting it.
# Part of vagrant/run-tests.

# The addresses of this side, and of the machine.
readonly PEER=192.168.121.1 PEER6=fd00:121::1 GUEST6=fd00:121::2
# Where the machine publishes a container's port.
readonly PUBLISHED=8080

# ---------------------------------------------------------------- the LAN's side

# Counts who opens a connection here, by family.
start_peer() {
  local bridge
  bridge=$(ip -brief address | awk -v address="$PEER/" 'index($0, address) { print $1 }')
  # libvirt turns IPv6 off where it gives no address of it.
  sysctl --quiet --write "net.ipv6.conf.$bridge.disable_ipv6=0"
  ip address replace "$PEER6/64" dev "$bridge" nodad
  nft --file - <<'RULES'
table inet lan
delete table inet lan
table inet lan {
  counter ipv4 { }
  counter ipv6 { }
  counter granted { }
  chain input {
    type filter hook input priority 0
    tcp flags & (syn | ack) == syn tcp dport 7000 meta nfproto ipv4 counter name ipv4
    tcp flags & (syn | ack) == syn tcp dport 7000 meta nfproto ipv6 counter name ipv6
    tcp flags & (syn | ack) == syn tcp dport 7005 counter name granted
  }
}
RULES
  "$TRAFFIC" serve --tcp 7000 --tcp 7005 >"$LOGS/peer.log" 2>&1 &
  PEER_PID=$!
}

stop_peer() { kill "${PEER_PID:-}" 2>/dev/null || true; }

# `connections COUNTER` since the last time they were forgotten.
connections() { nft list counter inet lan "$1" | sed -nE 's/.*packets ([0-9]+) .*/\1/p'; }
forget_connections() { nft reset counters table inet lan >/dev/null; }

both_came() { (($(connections ipv4) > 0 && $(connections ipv6) > 0)); }
none_came() { (($(connections ipv4) == 0 && $(connections ipv6) == 0)); }
came() { echo "$(connections ipv4) by IPv4, $(connections ipv6) by IPv6"; }

# The published port answers, by both families.
published_answers() {
  "$TRAFFIC" probe tcp "$GUEST" "$PUBLISHED" >/dev/null 2>&1 &&
    "$TRAFFIC" probe tcp "$GUEST6" "$PUBLISHED" >/dev/null 2>&1
}

# ---------------------------------------------------------------- the machine

guest() { timeout "${LIMIT:-120}" ssh -F "$SSH" machine "sudo /payload/vagrant/run-tests.d/guest $*"; }
# sid's sudo leaves out /usr/local.
root() { timeout "${LIMIT:-120}" ssh -F "$SSH" machine "sudo env PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -c '$1'"; }

boot_id() { timeout 20 ssh -F "$SSH" -o ConnectTimeout=5 machine cat /proc/sys/kernel/random/boot_id 2>/dev/null; }

has_booted() {
  local now
  now=$(boot_id) && [[ -n $now && $now != "$BOOT" ]]
}

# What starts at boot of these has started or failed.
has_settled() {
  local said
  # shellcheck disable=SC2016 # expanded in the machine
  said=$(root 'systemctl is-active dockwall docker; systemctl list-jobs --no-legend') || [[ -n $said ]] || return 1
  ! grep --quiet --extended-regexp '^activating|docker|dockwall' <<<"$said"
}

reboot() {
  BOOT=$(boot_id)
  ssh -F "$SSH" machine sudo systemctl reboot >/dev/null 2>&1 || true
  ssh -F "$SSH" -O exit machine >/dev/null 2>&1 || true
  wait_for 600 has_booted || { echo "it does not come back" && return 1; }
  wait_for 400 has_settled || { echo 'dockwall and Docker do not settle' && return 1; }
}

# Says what is not so: `is EXPECTED FOUND WHAT`.
is() {
  [[ -n $1 ]] || { echo "$3: nothing to compare it with" && return 1; }
  [[ $2 != "$1" ]] || return 0
  [[ $1$2 == *$'\n'* ]] || { echo "$3: expected \`$1\`, found \`$2\`" && return 1; }
  echo "$3 differs:"
  diff <(echo "$1") <(echo "$2") || return 1
}

# A while in which a prober would have been seen.
watch_for_probes() { sleep 3; }

# ---------------------------------------------------------------- tests, each a function

# Before: the prober is seen, so that what is not seen later means something.
prepare_containers() {
  guest container web -p "$PUBLISHED:7000" -- /traffic serve --tcp 7000 || return
  guest prober "$PEER" "$PEER6" || return
  wait_for 120 both_came || { echo "the prober does not reach the LAN in audit mode: $(came)" && return 1; }
}

enforcing_closes_the_lan() {
  guest enforce >/dev/null || return
  forget_connections
  watch_for_probes
  none_came || { echo "connections from the container: $(came)" && return 1; }
  root 'dockwall status' >/dev/null || { echo 'status is not 0' && return 1; }
}

a_published_port_answers_the_lan() { wait_for 60 published_answers || { echo 'no answer' && return 1; }; }

nft_lists_the_table_and_loads_what_render_prints() { guest compare_with_nft; }

m1_m4_the_wall_stands_from_the_first_instant_of_a_boot() {
  local before
  before=$(guest dump)
  forget_connections
  reboot || return
  watch_for_probes
  is true "$(root 'docker inspect --format {{.State.Running}} prober')" 'the prober runs' || return
  none_came || { echo "connections from the container: $(came)" && return 1; }
  is "$before" "$(guest dump)" 'the table' || return
  root 'dockwall status' >/dev/null || { echo 'status is not 0' && return 1; }
  wait_for 60 published_answers || { echo 'the published port does not answer' && return 1; }
}

# One boot for two tests, since a boot is what takes the time.
boot_with_a_trial_and_a_broken_configuration() {
  guest dump >"$LOGS/before" || return
  root 'dockwall apply --mode audit --confirm 10m' >/dev/null || return
  [[ $(guest dump) != "$(<"$LOGS/before")" ]] || { echo 'the trial changed nothing' && return 1; }
  guest break_configuration && reboot
}

m5_a_change_on_trial_goes_back_by_a_reboot() {
  is "$(<"$LOGS/before")" "$(guest dump)" 'the table' || return
  forget_connections
  watch_for_probes
  is true "$(root 'docker inspect --format {{.State.Running}} prober')" 'the prober runs' || return
  none_came || { echo "connections from the container: $(came)" && return 1; }
}

m2_a_broken_configuration_at_boot_leaves_the_old_wall() {
  has_failed_with 3 || return
  is active "$(root 'systemctl is-active docker')" 'docker.service' || return
  is "$(<"$LOGS/before")" "$(guest dump)" 'the table' || return
  guest mend_configuration && root 'systemctl restart dockwall'
}

# What an upgrade finds: the generations of 0.1.0, and the trial that was on then. With the strict drop-in.
boot_strict_with_the_state_of_0_1_0_and_a_broken_configuration() {
  guest install_dockwall --strict && guest become_0_1_0 && guest break_configuration || return
  reboot || return
  forget_connections
}

the_state_of_0_1_0_is_raised_by_a_boot() {
  is 4 "$(root 'dockwall status --json' | tr --delete ' \n' | sed -nE 's/.*"generation":([0-9]+).*/\1/p')" \
    'the generation in force' || return
  is 1 "$(guest dump | grep --count 'elements = { 10.57.17.6 ')" 'the grant "database" of it in the kernel'
}

m2_strict_keeps_docker_down() {
  has_failed_with 3 || return
  is inactive "$(root 'systemctl is-active docker')" 'docker.service' || return
  is inactive "$(root 'systemctl is-active docker.socket')" 'docker.socket' || return
  guest mend_configuration && guest install_dockwall || return
  root 'systemctl restart dockwall && systemctl start docker dockwall-guard' || return
  # Docker starts behind the wall of 0.1.0, and from there it goes on.
  wait_for 60 the_prober_runs || { echo 'the prober does not run' && return 1; }
  watch_for_probes
  none_came || { echo "connections from the container: $(came)" && return 1; }
  root 'dockwall apply && dockwall status' >/dev/null || { echo 'apply or status after it failed' && return 1; }
}

the_prober_runs() { [[ $(root 'docker inspect --format {{.State.Running}} prober') == true ]]; }

# Where Docker needs the unit, whoever asks Docker's socket has both started once more.
has_failed_with() {
  wait_for 60 has_settled || { echo 'dockwall and Docker do not settle' && return 1; }
  is failed "$(root 'systemctl is-active dockwall')" 'dockwall.service' || return
  is "$1" "$(root 'systemctl show --value --property ExecMainStatus dockwall')" 'its exit status'
}

l6_without_nf_tables_at_boot_strict_keeps_docker_down() {
  guest install_dockwall --strict || return
  root 'echo install nf_tables /bin/false >/etc/modprobe.d/none.conf' || return
  forget_connections
  reboot || return
  has_failed_with 6 || return
  is inactive "$(root 'systemctl is-active docker')" 'docker.service' || return
  none_came || { echo "connections from the container: $(came)" && return 1; }
  root 'rm /etc/modprobe.d/none.conf' && guest install_dockwall || return
  root 'systemctl restart dockwall && systemctl start docker && systemctl restart dockwall-guard'
}

m3_docker_and_the_wall_start_at_once() {
  forget_connections
  LIMIT=400 guest together 10 || return
  none_came || { echo "connections from the container: $(came)" && return 1; }
}

granted_came() { (($(connections granted) > 0)); }

# A grant by a container's name, whose container was stopped when the machine booted and is another one now.
m8_a_container_that_is_made_again_has_its_grant() {
  guest container api -- /bin/sleep 100000 || return
  root "dockwall grant $PEER --port 7005/tcp --from container:api --name to-lan" >/dev/null || return
  root 'docker stop --time 1 api' >/dev/null || return
  reboot || return
  root 'docker rm --force api' >/dev/null || return
  guest container api -- /bin/sleep 100000 || return
  forget_connections
  wait_for 120 api_reaches || { echo 'the new container does not reach what is granted to its name' && return 1; }
  granted_came || { echo 'nothing came' && return 1; }
  forget_connections
  ! root "docker exec web /traffic probe tcp $PEER 7005" >/dev/null || { echo 'another container reaches it' && return 1; }
  ! granted_came || { echo 'packets of another container came' && return 1; }
  root 'dockwall revoke to-lan && docker rm --force api' >/dev/null
}

api_reaches() { root "docker exec api /traffic probe tcp $PEER 7005" >/dev/null 2>&1; }

# The console of a server is slow, and who waits for it is the kernel.
k3_a_flood_leaves_the_console_alone() {
  local console=$CONSOLES/$MACHINE.console size lines
  size=$(stat --format %s "$console")
  LIMIT=60 root "docker exec prober /traffic scan $PEER --from 1 --to 60000" >/dev/null || return
  lines=$(root 'dmesg | grep -c DOCKER_NET_DROP')
  ((lines > 0)) || { echo 'nothing was logged' && return 1; }
  ! tail --bytes "+$((size + 1))" "$console" | grep --quiet --text DOCKER_NET_DROP ||
    { echo 'lines came to the console' && return 1; }
  # With the kernel's loudest console the limit holds.
  root 'dmesg --console-level 8' || return
  LIMIT=60 root "docker exec prober /traffic scan $PEER --from 1 --to 60000" >/dev/null || return
  root 'dmesg --console-level 4' || return
  ! grep --quiet --text --ignore-case 'soft lockup' "$console" || { echo 'a soft lock-up' && return 1; }
}
