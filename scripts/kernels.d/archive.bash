# shellcheck shell=bash
# Debian packages of other releases, without a change to this machine's sources: an apt of its own in a
# directory, with the mirrors, proxies and credentials of this machine.
# Part of scripts/kernels, scripts/unpack and vagrant/build-box.

readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# The mirror of this machine with that label, or the usual one: `mirror Debian`, `mirror Debian-Security`.
mirror() {
  local found usual=http://deb.debian.org/debian/
  [[ $1 == Debian ]] || usual=http://deb.debian.org/debian-security/
  # shellcheck disable=SC2016 # apt-get expands them
  found=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    sed -n "s/^Debian $1 //p" | sed -n 1p) || true
  echo "${found:-$usual}"
}

# The mirror that has a suite, such as `bullseye-security`.
mirror_of() {
  case $1 in
    *-security) mirror Debian-Security ;;
    *) mirror Debian ;;
  esac
}

# `open_archive DIRECTORY SUITE…`; the functions below are about these suites from then on.
open_archive() {
  ARCHIVE=$1
  shift
  mkdir --parents "$ARCHIVE"/{lists/partial,cache/archives/partial,packages}
  {
    # How packages are fetched here: nothing else of this machine's settings, least of all its hooks.
    apt-config dump | grep '^Acquire::' | grep --invert-match '^Acquire::IndexTargets'
    cat <<CONFIGURATION
Acquire::Retries "3";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "$ARCHIVE/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::lists "$ARCHIVE/lists";
Dir::State::status "/dev/null";
Dir::Cache "$ARCHIVE/cache";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
APT::Sandbox::User "root";
CONFIGURATION
  } >"$ARCHIVE/apt.conf"
  local suite
  # Releases past their support are never signed again, so that the date proves nothing.
  for suite in "$@"; do
    echo "deb [target=Packages check-valid-until=no signed-by=$KEYRING] $(mirror_of "$suite") $suite main"
  done >"$ARCHIVE/sources.list"
}

archive_get() { APT_CONFIG=$ARCHIVE/apt.conf apt-get --option Dir::Etc::parts=/dev/null --quiet=2 "$@"; }
archive_cache() { APT_CONFIG=$ARCHIVE/apt.conf apt-cache --option Dir::Etc::parts=/dev/null "$@"; }

# The lists of a suite are no more: the mirror answers that it has no such release. What is no such answer
# (no network, a mirror that is down) is none.
suite_is_gone() {
  curl --silent --location --max-time 30 --output /dev/null --write-out '%{http_code}' \
    "$(mirror_of "$1")dists/$1/InRelease" | grep --quiet '^404$'
}

# `newest_in PACKAGE SUITE…` prints its newest version there, by `apt-cache madison`.
newest_in() {
  local suite
  for suite in "${@:2}"; do
    archive_cache madison "$1" | sed -nE "s,^ *[^ ]+ \| +([^ ]+) \| [^ ]+ $suite/main .*,\1,p"
  done | sort --version-sort | tail -1
}

# What a package of that version needs of the same source package, whole lists of them for kernels since
# 7.0: `linux-modules-7.2.13+deb14-cloud-amd64`.
needs() {
  archive_cache show "$1=$2" | sed -n 's/^Depends: //p' | tr ',' '\n' |
    sed -nE 's/^ *(linux-(image|binary|modules|base)-[0-9][^ ]*) .*/\1/p' | sort --unique
}

# `unpack_kernel VERSION DIRECTORY` fetches the kernel for virtual machines of that package version, and
# all that belongs to it, and unpacks it.
unpack_kernel() {
  local version=$1 directory=$2 packages=() more package
  mapfile -t packages < <(needs linux-image-cloud-amd64 "$version")
  ((${#packages[@]} > 0)) || die "linux-image-cloud-amd64 $version needs no kernel?"
  for package in "${packages[@]}"; do
    mapfile -t more < <(needs "$package" "$version")
    packages+=("${more[@]}")
  done
  mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort --unique)
  local download unpacked
  download=$(mktemp --directory "$ARCHIVE/packages/XXXXXX")
  unpacked=$(mktemp --directory "$directory.XXXXXX")
  (cd "$download" && archive_get download "${packages[@]/%/=$version}") ||
    die "cannot fetch ${packages[*]} $version"
  for package in "$download"/*.deb; do
    dpkg-deb --extract "$package" "$unpacked"
  done
  rm -r "$download"
  chmod 755 "$unpacked"
  mv --no-target-directory "$unpacked" "$directory"
}
