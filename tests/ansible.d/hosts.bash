# shellcheck shell=bash
# Three hosts with systemd and sshd, in network namespaces on one link with the controller, which is this process.
# Part of tests/ansible.

# The link: the controller is 1, the hosts follow. One is reached by IPv6.
readonly LINK4=192.0.2 LINK6=fd57:2:
declare -rA NUMBER=([web-1]=11 [web-2]=12 [web-3]=13)
declare -rA ADDRESS=([web-1]=$LINK4.11 [web-2]=$LINK6:12 [web-3]=$LINK4.13)
# Who has logins on web-2 is asked by way of a container there.
readonly DIRECTORY=$LINK4.1 CONTAINER=172.17.0.2

root_of() { echo "$WORK/machines/$1"; }

up_hosts() {
  mount -t tmpfs tmpfs /run
  mkdir -p /run/netns /run/lock
  mkdir "$WORK/machines"
  # An overlay's layer cannot lie on another overlay.
  mount -t tmpfs tmpfs "$WORK/machines"
  # What is not installed here lies over this machine's own, for this process and the hosts.
  local program layers=/usr
  for program in ansible-core openssh-server sudo; do
    [[ ! -d $PROGRAMS/$program/usr ]] || layers=$PROGRAMS/$program/usr:$layers
  done
  [[ $layers == /usr ]] || mount -t overlay overlay -o "lowerdir=$layers" /usr
  make_keys
  up_link
  local host
  for host in "${HOSTS[@]}"; do
    furnish "$host"
  done
  ask_directory web-2
  for host in "${HOSTS[@]}"; do
    boot "$host"
  done
  for host in "${HOSTS[@]}"; do
    wait_for "sshd of $host" login "$host"
  done
}

# wait_for WHAT COMMAND…: a minute at most.
wait_for() {
  local end=$((SECONDS + 60))
  until "${@:2}" >/dev/null 2>&1; do
    ((SECONDS < end)) || fail "never: $1; $(tail -n 5 "$WORK"/*.log)"
    sleep 0.2
  done
}

make_keys() {
  ssh-keygen -q -t ed25519 -N '' -f "$WORK/key"
  ssh-keygen -q -t ed25519 -N '' -f "$WORK/host-key"
  local host
  for host in "${HOSTS[@]}"; do
    echo "${ADDRESS[$host]} $(<"$WORK/host-key.pub")"
  done >"$WORK/known-hosts"
  cat >"$WORK/ssh-config" <<CONF
User deploy
IdentityFile $WORK/key
IdentitiesOnly yes
UserKnownHostsFile $WORK/known-hosts
GlobalKnownHostsFile /dev/null
StrictHostKeyChecking yes
BatchMode yes
CONF
}

# ---------------------------------------------------------------- network

up_link() {
  sysctl -qw net.ipv6.conf.{all,default}.accept_dad=0
  ip link set lo up
  ip link add link0 type bridge
  ip link set link0 up
  ip address add "$LINK4.1/24" dev link0
  ip address add "$LINK6:1/64" dev link0
  local host
  for host in "${HOSTS[@]}"; do
    ip netns add "$host"
    ip netns exec "$host" sysctl -qw net.ipv6.conf.{all,default}.accept_dad=0
    ip -n "$host" link set lo up
    ip -n "$host" link add eth0 type veth peer name "$host" netns "$BASHPID"
    ip -n "$host" link set eth0 up
    ip -n "$host" address add "$LINK4.${NUMBER[$host]}/24" dev eth0
    ip -n "$host" address add "$LINK6:${NUMBER[$host]}/64" dev eth0
    ip link set "$host" master link0 up
  done
}

# ---------------------------------------------------------------- a machine

# The programs are this machine's, and what is written is the host's own.
furnish() {
  local host=$1 root link
  root=$(root_of "$host")
  mkdir -p "$root"/{usr,etc/{ssh,systemd/system/multi-user.target.wants},var/lib/dpkg,var/log,run,tmp,root,proc,sys,dev,home/deploy/.ssh}
  layer /usr "$root/usr"
  layer /var/lib/dpkg "$root/var/lib/dpkg"
  for link in bin sbin lib lib64; do
    [[ ! -L /$link ]] || ln -s "usr/$link" "$root/$link"
  done
  cp -rL /etc/{passwd,group,nsswitch.conf,protocols,ld.so.cache,os-release,dpkg,alternatives} "$root/etc" 2>/dev/null || true
  echo 'sshd:x:64000:65534::/run/sshd:/usr/sbin/nologin' >>"$root/etc/passwd"
  echo 'deploy:x:64001:64001::/home/deploy:/bin/bash' >>"$root/etc/passwd"
  echo 'deploy:x:64001:' >>"$root/etc/group"
  printf '%s:*:20000:0:99999:7:::\n' root deploy >"$root/etc/shadow"
  chmod 600 "$root/etc/shadow"
  cat >"$root/etc/sudoers" <<'SUDOERS'
Defaults env_reset, secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
deploy ALL=(ALL:ALL) NOPASSWD: ALL
SUDOERS
  chmod 440 "$root/etc/sudoers"
  mkdir "$root/etc/pam.d"
  printf '%s required pam_permit.so\n' auth account session >"$root/etc/pam.d/other"
  echo "$host" >"$root/etc/hostname"
  printf '127.0.0.1 localhost %s\n' "$host" >"$root/etc/hosts"
  : >"$root/etc/machine-id"
  ln -s /usr/lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
  cp "$WORK/key.pub" "$root/home/deploy/.ssh/authorized_keys"
  chown -R 64001:64001 "$root/home/deploy"
  cp "$WORK/host-key" "$root/etc/ssh/host-key"
  cat >"$root/etc/ssh/sshd_config" <<'CONF'
HostKey /etc/ssh/host-key
PasswordAuthentication no
UseDNS no
Subsystem sftp internal-sftp
CONF
  cat >"$root/etc/systemd/system/logins.service" <<'UNIT'
[Service]
ExecStartPre=/bin/mkdir -p /run/sshd
ExecStart=/usr/sbin/sshd -D -e
UNIT
  ln -s ../logins.service "$root/etc/systemd/system/multi-user.target.wants"
}

# layer LOWER PLACE: what is written at PLACE leaves LOWER as it is.
layer() {
  local written
  written=$(mktemp -d -p "$WORK/machines")
  mkdir "$written"/{upper,work}
  chmod 755 "$written/upper"
  mount -t overlay overlay -o "lowerdir=$1,upperdir=$written/upper,workdir=$written/work" "$2"
}

# A machine's systemd would remove the groups of another's units in one that they share. As in tests/systemd.
control_groups() {
  local name
  name=dw-$(basename "$1")-$2
  if [[ -d /sys/fs/cgroup/unified ]]; then
    echo /sys/fs/cgroup/{unified,systemd}/"$name"
  else
    echo "/sys/fs/cgroup/$name"
  fi
}

boot() {
  local host=$1 group groups
  read -ra groups <<<"$(control_groups "$WORK" "$host")"
  mkdir "${groups[@]}"
  (
    for group in "${groups[@]}"; do
      echo "$BASHPID" >"$group/cgroup.procs"
    done
    exec systemd-nspawn --quiet --boot --register=no --keep-unit --console=pipe --resolv-conf=off --timezone=off \
      --link-journal=no --machine="$host" --directory "$(root_of "$host")" --capability=CAP_NET_ADMIN \
      --network-namespace-path="/run/netns/$host"
  ) >"$WORK/$host.log" 2>&1 </dev/null &
}

# The kernel takes a moment to let go of those that were killed.
remove_control_groups() {
  local host group end=$((SECONDS + 5))
  for host in "${HOSTS[@]}"; do
    for group in $(control_groups "$1" "$host"); do
      until [[ ! -d $group ]] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || ((SECONDS > end)); do
        sleep 0.1
      done
    done
  done
}

# ---------------------------------------------------------------- logins

# What sshd of HOST asks is a container there, which asks the directory on the link. As where logins come from LDAP by a
# container: without that way nobody new gets in, and whoever is in stays.
ask_directory() {
  local host=$1 root
  root=$(root_of "$host")
  install -m 755 tests/ansible.d/ask-directory "$root/usr/local/bin/ask-directory"
  rm "$root/home/deploy/.ssh/authorized_keys"
  cat >>"$root/etc/ssh/sshd_config" <<CONF
AuthorizedKeysFile none
AuthorizedKeysCommand /usr/local/bin/ask-directory ask $CONTAINER
AuthorizedKeysCommandUser nobody
CONF
  ip netns add container
  ip -n "$host" link add docker0 type bridge
  ip -n "$host" link add veth0 type veth peer name eth0 netns container
  ip -n "$host" link set veth0 master docker0 up
  ip -n "$host" link set docker0 up
  ip -n "$host" address add 172.17.0.1/16 dev docker0
  ip -n container address add "$CONTAINER/16" dev eth0
  ip -n container link set eth0 up
  ip -n container route add default via 172.17.0.1
  ip netns exec "$host" sysctl -qw net.ipv4.ip_forward=1
  ip route add 172.17.0.0/16 via "$LINK4.${NUMBER[$host]}"
  tests/ansible.d/ask-directory serve "$WORK/key.pub" >"$WORK/directory.log" 2>&1 &
  ip netns exec container tests/ansible.d/ask-directory relay "$DIRECTORY" >"$WORK/relay.log" 2>&1 &
}

# A connection of its own for one command.
login() { timeout 30 ssh -F "$WORK/ssh-config" -o ConnectTimeout=5 "${ADDRESS[$1]}" "${@:2}" </dev/null; }
