#!/usr/bin/env bash
# Runs a program of the release build on an emulated processor with AVX512-BF16, or with AMX as well, for machines that
# have neither: Debian's kernel in Bochs. Slow, some 10 million instructions a second, and for one thread:
#   scripts/emulate.sh avx512_bf16|amx_bf16 PROGRAM [ARGUMENT...]
#   scripts/emulate.sh amx_bf16 build/release/tests/test_backend --test-case='attention gives the same bits*'
# The first call builds the emulator in build/emulator, from the sources of Bochs 3.0 (the newest Debian with them is
# "trixie"; later versions were not tried):
#   BOCHS_SOURCE=bochs_3.0+dfsg.orig.tar.xz scripts/emulate.sh ...
# It needs Debian's packages busybox-static cpio grub-pc-bin mtools xorriso vgabios.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
emulator=$repository/build/emulator

die() {
  echo "emulate.sh: $*" >&2
  exit 2
}

[[ $# -ge 2 ]] || die "expected a processor and a program, as in: scripts/emulate.sh amx_bf16 build/release/tests/test_backend"
case $1 in
  amx_bf16) without= ;;
  avx512_bf16) without="amx amx_int8 amx_bf16" ;;
  *) die "the processor must be avx512_bf16 or amx_bf16, got '$1'" ;;
esac
program=$(realpath -e "$2") || die "no such program: $2"
shift 2
vga_bios=/usr/share/vgabios/vgabios.bin
for tool in busybox cpio grub-mkrescue mformat xorriso "$vga_bios"; do
  [[ -n $(type -P "$tool") || -e $tool ]] || die "$tool is missing: apt-get install busybox-static cpio grub-pc-bin mtools xorriso vgabios"
done

if [[ ! -x $emulator/bochs ]]; then
  [[ -n ${BOCHS_SOURCE:-} ]] || die "BOCHS_SOURCE must name the archive of Bochs 3.0's sources (Debian's bochs_3.0+dfsg.orig.tar.xz)"
  rm -rf "$emulator/source"  # of a build that was interrupted
  mkdir -p "$emulator/source"
  tar xf "$BOCHS_SOURCE" -C "$emulator/source" --strip-components=1
  patch -s -p1 -d "$emulator/source" < "$repository/scripts/bochs-3.0.patch"
  (
    cd "$emulator/source"
    ./configure --enable-cpu-level=6 --enable-x86-64 --enable-avx --enable-evex --enable-amx --enable-pci \
      --enable-fast-function-calls --enable-repeat-speedups --enable-long-phy-address --disable-handlers-chaining \
      --disable-debugger --disable-docbook --without-x11 --without-wx --without-sdl2 --with-nogui \
      CFLAGS="-O3 -march=native" CXXFLAGS="-O3 -march=native"
    make -j"$(nproc)"
  ) > "$emulator/build.log" 2>&1 || die "Bochs does not build: see $emulator/build.log"
  cp "$emulator/source"/bios/bios.bin-* "$emulator/"
  mv "$emulator/source/bochs" "$emulator/"
  rm -r "$emulator/source"
fi
if [[ ! -e $emulator/vmlinuz ]]; then
  package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ { print $2; exit }')
  (cd "$emulator" && apt-get download -qq "$package" && dpkg -x "$package"_*.deb kernel && rm "$package"_*.deb)
  cp "$emulator"/kernel/boot/vmlinuz-* "$emulator/vmlinuz"
  rm -r "$emulator/kernel"
fi

# The machine: a RAM disk with the program, its libraries and the recorded numbers, each where it lies here.
machine=$(mktemp -d)
trap 'rm -rf "$machine"' EXIT
root=$machine/root
mkdir -p "$root"/{bin,proc,sys,dev,tmp} "$machine/disk/boot/grub"
cp "$(type -P busybox)" "$root/bin/busybox"
while read -r file; do
  mkdir -p "$root$(dirname "$file")"
  cp -rL "$file" "$root$(dirname "$file")/"
done < <(echo "$program"; ldd "$program" | awk '$3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }'; echo "$repository/tests/reference")
{
  echo '#!/bin/busybox sh'
  echo '/bin/busybox --install -s /bin'
  echo 'export PATH=/bin HOME=/tmp OMP_NUM_THREADS=1 OMP_THREAD_LIMIT=1'
  echo 'mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev'
  echo 'echo "=== started"'
  printf 'cd %q\n' "$(dirname "$program")"
  printf '%q ' "$program" "$@"
  printf '\necho "=== status $?"\nsleep 1\npoweroff -f\n'
} > "$root/init"
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) > "$machine/disk/boot/initrd.gz"
cp "$emulator/vmlinuz" "$machine/disk/boot/"
# clearcpuid: Bochs misses that the kernel changes its code with "rep movs". noapic, lpj: the kernel cannot measure time
# by Bochs's timers.
cat > "$machine/disk/boot/grub/grub.cfg" << 'EOF'
serial --unit=0
terminal_output serial
set timeout=0
menuentry emulate {
  linux /boot/vmlinuz console=ttyS0 quiet loglevel=3 noapic clearcpuid=580,297,112 lpj=1000000 nokaslr mitigations=off tsc=reliable clocksource=tsc nowatchdog
  initrd /boot/initrd.gz
}
EOF
grub-mkrescue -o "$machine/disk.iso" "$machine/disk" > "$machine/mkrescue.log" 2>&1 || die "grub-mkrescue: $(tail -1 "$machine/mkrescue.log")"
cat > "$machine/bochsrc" << EOF
display_library: nogui
memory: guest=2048, host=2048
cpu: model=sapphire_rapids, ips=100000000, exclude_features="$without la57 pku pks uintr cet serialize"
romimage: file=$(echo "$emulator"/bios.bin-*)
vgaromimage: file=$vga_bios
ata0-master: type=cdrom, path=$machine/disk.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$machine/serial
log: $machine/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
EOF
touch "$machine/serial"
"$emulator/bochs" -q -f "$machine/bochsrc" > "$machine/out" 2>&1 < /dev/null &
bochs=$!
trap 'kill "$bochs" 2> /dev/null || true; rm -rf "$machine"' EXIT
tail -n +1 -f --pid="$bochs" "$machine/serial" | tr -d '\r' | sed -u '1,/=== started/d; /=== status/,$d'
wait "$bochs" || true  # switching off is a panic to it
status=$(tr -d '\r' < "$machine/serial" | sed -n 's/.*=== status \([0-9]*\).*/\1/p')
[[ -n $status ]] || die "the emulated machine stopped before the program did: $(tail -1 "$machine/serial") $(tail -1 "$machine/bochs.log")"
exit "$status"
