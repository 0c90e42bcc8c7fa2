# shellcheck shell=bash
# What the Debian package does to a machine that has a wall, from its installation to its purge; and to one that has
# none. Part of vagrant/run-tests.

readonly UNITS='dockwall.service dockwall-guard.service dockwall-metrics.timer'

# The package, and a later version of it: what scripts/release makes of the programs that go into the guests.
build_packages() {
  local directory=$PAYLOAD/packages tree=$WORK/later
  scripts/release --built "$PAYLOAD/built" --output "$directory" >/dev/null
  mv "$directory"/dockwall_*.deb "$directory/now.deb"
  rm --recursive --force "$tree"
  dpkg-deb --raw-extract "$directory/now.deb" "$tree"
  sed --in-place 's/^Version: .*/&.later/' "$tree/DEBIAN/control"
  dpkg-deb --root-owner-group --build "$tree" "$directory/later.deb" >/dev/null
}

# What stays of the table when its guard goes. nft 1.0 does not know `persist`, and lists nothing for it.
without_owner() { guest dump | sed 's/flags owner,persist/flags persist/; s/flags owner /flags /'; }

guard_pid() { root 'systemctl show --value --property MainPID dockwall-guard'; }

# ---------------------------------------------------------------- tests, each a function

the_package_is_installed_and_nothing_is_enabled_or_closed() {
  root 'dockwall remove' >/dev/null && guest uninstall && guest package now || return
  is disabled "$(root "systemctl is-enabled $UNITS" | sort --unique)" 'the units are' || return
  is inactive "$(root "systemctl is-active $UNITS" | sort --unique)" 'the units are' || return
  forget_connections
  wait_for 60 both_came || { echo "nothing was applied, and the LAN is closed: $(came)" && return 1; }
}

the_package_is_upgraded_behind_a_wall_that_stays() {
  local before guard
  guest enforce >/dev/null && root 'systemctl --quiet enable --now dockwall dockwall-guard' || return
  before=$(guest dump) guard=$(guard_pid)
  forget_connections
  guest package later || return
  [[ $(root 'dpkg-query --show dockwall') == *.later ]] || { echo 'it is not the later version' && return 1; }
  watch_for_probes
  none_came || { echo "connections from the container: $(came)" && return 1; }
  is "$before" "$(guest dump)" 'the table' || return
  is active "$(root 'systemctl is-active dockwall dockwall-guard' | sort --unique)" 'the units are' || return
  is enabled "$(root 'systemctl is-enabled dockwall dockwall-guard' | sort --unique)" 'the units are' || return
  [[ $(guard_pid) != "$guard" ]] || { echo 'the guard is the old program' && return 1; }
  root 'dockwall status' >/dev/null || { echo 'status is not 0' && return 1; }
}

the_package_is_removed_and_the_wall_stays() {
  local before said
  before=$(without_owner)
  forget_connections
  said=$(root 'dpkg --remove dockwall 2>&1') || { echo "$said" && return 1; }
  [[ $said == *'the wall stays until the next boot'* ]] || { echo "it does not say that the wall stays: $said" && return 1; }
  watch_for_probes
  none_came || { echo "connections from the container: $(came)" && return 1; }
  is "$before" "$(without_owner)" 'the table' || return
  # dockwall.service has nothing that runs, and who stopped it would stop a Docker that requires it.
  is inactive "$(root 'systemctl is-active dockwall-guard dockwall-metrics.timer' | sort --unique)" 'the units are' || return
  root 'test -e /etc/dockwall/dockwall.toml && test -d /var/lib/dockwall' ||
    { echo 'the configuration or the history is gone' && return 1; }
}

the_package_is_purged_and_nothing_is_left() {
  guest package later && root 'dockwall status' >/dev/null || { echo 'it does not go on where it was' && return 1; }
  root 'dockwall remove && dpkg --purge dockwall' >/dev/null || return
  is 'nothing' "$(guest left_behind)" 'what is left' || return
  forget_connections
  wait_for 60 both_came || { echo "the LAN is still closed: $(came)" && return 1; }
}
