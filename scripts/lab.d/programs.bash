# shellcheck shell=bash
# Other people's programs at the host, as their Debian packages have them, and nowhere installed.
# Part of scripts/lab.

readonly PROGRAMS=$REPOSITORY/target/programs # where scripts/setup unpacks them

is_unpacked() { [[ -d $PROGRAMS/$1 ]]; }

has_program() { grep --quiet --no-messages --line-regexp "$1" "$STATE/programs"; }

# Runs inside the host's namespaces: the programs' files over this machine's.
own_programs() {
  [[ -e $STATE/programs ]] || return 0
  local directory program
  for directory in /usr /var/lib /var/log /var/cache; do
    layer "$directory"
  done
  while read -r program; do
    if [[ $program == docker-* ]]; then
      lay_over "$program"
      continue
    fi
    for directory in etc usr var; do
      # Root owns the copy: some programs look who does.
      [[ ! -d $PROGRAMS/$program/$directory ]] ||
        cp -r --preserve=mode,timestamps,links "$PROGRAMS/$program/$directory/." "/$directory"
    done
    ! declare -F "configure_$program" >/dev/null || "configure_$program"
  done <"$STATE/programs"
}

# A Docker of another release over this machine's, file by file: a hundred megabytes that need no copy.
lay_over() {
  local file
  while read -r file; do
    [[ -e /$file ]] || touch "/$file"
    mount --bind "$PROGRAMS/$1/$file" "/$file"
  done < <(cd "$PROGRAMS/$1" && find usr -type f)
}

# As the package does when it is installed.
configure_ufw() {
  cp /usr/share/ufw/iptables/*.rules /usr/share/ufw/{before,after}.init /usr/share/ufw/ufw.conf /etc/ufw
  chmod 640 /etc/ufw/*.rules /etc/ufw/*.init
}

# Root in a container or in a machine without udev, cgroups and AppArmor of its own.
configure_libvirt() {
  local user number=64055
  # As its package makes them; the daemon does not start without.
  for user in libvirt libvirt-qemu libvirt-dnsmasq kvm; do
    getent group "$user" >/dev/null || echo "$user:x:$number:" >>/etc/group
    getent passwd "$user" >/dev/null || echo "$user:x:$number:$number::/nonexistent:/usr/sbin/nologin" >>/etc/passwd
    ((++number))
  done
  mkdir -p /etc/libvirt/qemu/networks
  rm -f /etc/libvirt/qemu/networks/autostart/*
  printf '%s\n' 'auth_unix_rw = "none"' 'auth_unix_ro = "none"' >/etc/libvirt/libvirtd.conf
  printf '%s\n' 'user = "root"' 'group = "root"' 'security_driver = "none"' 'namespaces = []' 'cgroup_controllers = []' \
    'remember_owner = 0' 'stdio_handler = "file"' >/etc/libvirt/qemu.conf
}

# Without systemd, and with images that are a few links.
configure_podman() {
  mkdir -p /etc/containers
  cat >/etc/containers/containers.conf <<CONF
[network]
network_backend = "netavark"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
  cat >/etc/containers/storage.conf <<CONF
[storage]
driver = "vfs"
graphroot = "/run/containers/graph"
runroot = "/run/containers/run"
CONF
  echo '{"default": [{"type": "insecureAcceptAnything"}]}' >/etc/containers/policy.json
}

# ---------------------------------------------------------------- podman

podman_command() {
  require_lab
  has_program podman || die "no podman: start the lab with \`--with podman\`"
  inside podman "$@"
  remember_pods
}

pod_command() {
  require_lab
  (($# > 0)) || die "pod what? \`pod NAME [OPTION…]\`"
  if ! inside podman network exists pods; then
    tar -C "$STATE/image/tools" -c . | inside podman import --quiet - tools >/dev/null
    inside podman network create --ipv6 --subnet 172.25.0.0/16 --subnet fd00:d0c:25::/64 pods >/dev/null
  fi
  podman_command run --detach --name "$1" --network pods --cgroup-parent "/$CGROUP" --cgroups no-conmon \
    --stop-signal KILL --volume /usr:/usr:ro --volume /etc/alternatives:/etc/alternatives:ro \
    --volume "$STATE/bin:/lab:ro" "${@:2}" tools /lab/traffic "${SERVE[@]}" >/dev/null
}

# As `remember_containers`.
remember_pods() {
  local pods name namespace
  mapfile -t pods < <(inside podman ps --quiet)
  ((${#pods[@]} > 0)) || return 0
  inside podman inspect --format '{{.Name}} {{.NetworkSettings.SandboxKey}}' "${pods[@]}" |
    while read -r name namespace; do
      echo "/proc/$(<"$STATE/init.pid")/root$namespace" >"$STATE/container/$name"
    done
}

# ---------------------------------------------------------------- D-Bus

# Everybody may say anything on it: it is the host's own.
start_bus() {
  in_gate mkdir -p /run/dbus
  cat >"$STATE/bus.conf" <<'CONF'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
CONF
  in_gate setsid dbus-daemon --nofork --nopidfile --config-file "$STATE/bus.conf" \
    >"$STATE/bus.log" 2>&1 </dev/null &
  disown
  wait_for 50 in_gate test -S /run/dbus/system_bus_socket || die "no D-Bus: $(<"$STATE/bus.log")"
}

has_name_on_bus() {
  in_gate dbus-send --system --print-reply --dest=org.freedesktop.DBus / \
    org.freedesktop.DBus.NameHasOwner "string:$1" 2>/dev/null | grep -q 'boolean true'
}

# ---------------------------------------------------------------- units

unit_command() {
  require_lab
  local unit=${1:-} verb=${2:-}
  in_gate test -r "$(unit_file)" || die "the host has no unit \`$unit\`"
  mkdir -p "$STATE/unit"
  case $verb in
    start) start_unit ;;
    reload) unit_lines ExecReload | run_lines ;;
    stop) stop_unit ;;
    kill)
      kill -KILL "$(main_pid)"
      wait_for 300 unit_ended || die "unit $unit does not end"
      ;;
    restart)
      stop_unit
      start_unit
      ;;
    *) die "unit $unit what? start, reload, stop, restart or kill" ;;
  esac
}

unit_file() { echo "/usr/lib/systemd/system/$unit.service"; }

# `unit_lines KEY`: its values.
unit_lines() { in_gate sed -n "s/^$1=-\\{0,1\\}//p" "$(unit_file)"; }

main_pid() { cat "$STATE/unit/$unit.pid" 2>/dev/null; }

unit_runs() { [[ -n $(main_pid) ]] && kill -0 "$(main_pid)" 2>/dev/null; }

unit_ended() { ! unit_runs; }

# As systemd splits them: no package here has a line that a shell would understand otherwise.
run_lines() {
  local line
  while read -r line; do
    in_gate env MAINPID="$(main_pid)" sh -c "$line" </dev/null || die "unit $unit: \`$line\` ended with $?"
  done
}

start_unit() {
  ! unit_runs || die "unit $unit runs already"
  local directory type name line
  for directory in $(unit_lines RuntimeDirectory); do
    in_gate mkdir -p "/run/$directory"
  done
  type=$(unit_lines Type)
  if [[ $type == oneshot ]]; then
    unit_lines ExecStart | run_lines
    return
  fi
  line=$(unit_lines ExecStart)
  # Not by `in_gate`: in between there would be a shell, and its process is not the program's.
  setsid env "$MARK" nsenter --target "$(<"$STATE/gate.pid")" --mount --net --uts --ipc -- \
    sh -c "exec $line" >"$STATE/unit/$unit.log" 2>&1 </dev/null &
  echo $! >"$STATE/unit/$unit.pid"
  disown
  name=$(unit_lines BusName)
  [[ -z $name ]] || wait_for 300 has_name_on_bus_or_ended "$name"
  unit_runs || die "unit $unit did not start: $(tail -3 "$STATE/unit/$unit.log")"
}

has_name_on_bus_or_ended() { unit_ended || has_name_on_bus "$1"; }

stop_unit() {
  local lines
  lines=$(unit_lines ExecStop)
  if [[ -n $lines ]]; then
    run_lines <<<"$lines"
  elif unit_runs; then
    kill -TERM "$(main_pid)"
  fi
  wait_for 300 unit_ended || die "unit $unit does not stop"
  rm -f "$STATE/unit/$unit.pid"
}
