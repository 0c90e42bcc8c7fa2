# shellcheck shell=bash
# A virtual machine without disk and network: a kernel, a file system in memory, a serial console.
# Part of scripts/kernels.

# What the tests call, besides the applets of busybox.
readonly PROGRAMS=(
  bash busybox dash env ip kmod mount nft nsenter setpriv setsid stdbuf strace sysctl timeout umount unshare
)

# ---------------------------------------------------------------- files

# `user_land DIRECTORY FILE…`: programs of this machine with their libraries, and FILEs where they are here.
user_land() {
  local root=$1 program directory
  shift
  mkdir --parents "$root"/{dev,etc,proc,root,run,sys,tmp,usr/{bin,sbin,lib,lib64},var/tmp}
  for directory in bin sbin lib lib64; do
    ln --symbolic "usr/$directory" "$root/$directory"
  done
  for program in "${PROGRAMS[@]}"; do
    with_libraries "$root" "$(command -v "$program")"
  done
  # stdbuf's other half, that ldd does not tell of.
  with_libraries "$root" "$(find /usr/libexec/coreutils /usr/lib -name libstdbuf.so -print -quit 2>/dev/null)"
  # Not busybox's shell, which takes its own applets for the programs above.
  ln --symbolic dash "$root/usr/bin/sh"
  applets "$root"
  ln --symbolic /usr/bin/kmod "$root/usr/sbin/modprobe"
  printf 'root:x:0:0::/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
  printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
  # By which nft names what it lists.
  cp /etc/protocols /etc/services "$root/etc"
  cp "$PARTS/init" "$root/init"
  cp --parents "$@" "$root"
}

with_libraries() {
  local root=$1 file=$2 library
  for library in "$file" $(ldd "$file" 2>/dev/null | grep --only-matching '/[^ )]*'); do
    # On the path as it is here, links and all; what it is a link to is the file in the guest.
    library=$(realpath "$(dirname "$library")")/$(basename "$library")
    [[ -e $root$library ]] || install -D "$library" "$root$library"
  done
}

applets() {
  local root=$1 applet
  for applet in $(busybox --list); do
    [[ -e $root/usr/bin/$applet || -e $root/usr/sbin/$applet ]] ||
      ln --symbolic busybox "$root/usr/bin/$applet"
  done
}

# `modules KERNEL DIRECTORY`: those of the network, and what they need.
modules() {
  local kernel=$1 root=$2 from release
  # In /lib until the directories merged.
  from=$(find "$kernel" -path '*/lib/modules/*' -prune -type d -print -quit)
  release=$(basename "$from")
  local to=$root/usr/lib/modules/$release
  mkdir --parents "$to/kernel/drivers/net"
  cp "$from"/modules.{builtin*,order} "$to"
  (cd "$from/kernel" && cp --parents --recursive net lib crypto arch "$to/kernel" 2>/dev/null) || true
  find "$from/kernel/drivers/net" -maxdepth 1 -type f -exec cp -t "$to/kernel/drivers/net" {} +
  depmod --basedir "$root/usr" "$release"
}

# Uncompressed: to unpack costs an emulated processor more than to read.
archive() { (cd "$1" && find . -mindepth 1 -print0 | cpio --null --create --format newc --owner 0:0 --quiet); }

# ---------------------------------------------------------------- the machine

# KVM works only if the processor can do it, whatever /dev/kvm looks like. Emulated, there is one processor: kernels
# that change their own code while another one runs it were seen to panic (6.12: `Oops: int3`).
accelerator() {
  if [[ -w /dev/kvm ]] && grep --quiet --extended-regexp '^flags.* (vmx|svm)( |$)' /proc/cpuinfo; then
    echo -accel kvm -cpu host -smp 2
  else
    echo -accel tcg,tb-size=256 -cpu max -smp 1
  fi
}

# `boot KERNEL INITRD SECONDS`: runs the guest, whose console is printed, until it ends. Without random addresses
# QEMU need not translate a program anew each time it starts: three times as fast.
boot() {
  local image
  # In /boot, or since Linux 7.0 beside the modules.
  image=$(find "$1" -name 'vmlinuz*' -type f -print -quit)
  # In the foreground: what ends this process group ends the machine.
  # shellcheck disable=SC2046 # one word for each option
  timeout --foreground --kill-after=5 "$3" qemu-system-x86_64 -machine q35 $(accelerator) -m 1536 \
    -nodefaults -no-reboot -display none -serial stdio -kernel "$image" -initrd "$2" \
    -append "console=ttyS0 panic=-1 quiet mitigations=off norandmaps dockwall.guest" </dev/null 2>&1 |
    tr --delete '\r' | sed --unbuffered -E 's/\x1b(c|\[[0-9;?]*[a-zA-Z])//g'
}
