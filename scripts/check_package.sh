#!/usr/bin/env bash
# Installs the Debian package in a fresh Debian 12 and trains the tiny model there.
#   scripts/check_package.sh [PACKAGE.deb]     without an argument: the newest that `make package` left in build/package
# It needs root, the package debootstrap, a network, 2 GB in ${TMPDIR:-/tmp}, and takes some minutes. DEBIAN_MIRROR
# names another mirror than http://deb.debian.org/debian.
set -euo pipefail
cd "$(dirname "$0")/.."
package=${1:-$(ls -t build/package/*.deb 2>/dev/null | head -n 1 || true)}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
if [[ ! -f "$package" ]]; then
  echo "check_package: there is no package; call make package first" >&2
  exit 1
fi
if [[ $(id -u) -ne 0 ]]; then
  echo "check_package: a fresh Debian can only be set up by root: sudo $0 $package" >&2
  exit 1
fi
if ! command -v debootstrap >/dev/null; then
  echo "check_package: debootstrap is missing: apt-get install debootstrap" >&2
  exit 1
fi

root=$(mktemp -d "${TMPDIR:-/tmp}/rankine-debian.XXXXXX")
finish() {
  if mountpoint -q "$root/proc"; then umount "$root/proc"; fi
  rm -rf --one-file-system "$root"
}
trap finish EXIT

echo "== a fresh Debian 12 in $root"
debootstrap --variant=minbase bookworm "$root" "$mirror" >"$root.log" 2>&1 || { cat "$root.log" >&2; exit 1; }
rm -f "$root.log"
mount -t proc proc "$root/proc"

echo "== $(basename "$package") installed by apt, with what it depends on"
cp "$package" "$root/tmp/rankine.deb"
chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get install -y -qq --no-install-recommends /tmp/rankine.deb >"$root/tmp/apt.log" 2>&1 ||
  { cat "$root/tmp/apt.log" >&2; exit 1; }
chroot "$root" dpkg-query -W -f='${Package} ${Version} ${Status}\nDepends: ${Depends}\nInstalled-Size: ${Installed-Size} KB\n' rankine
chroot "$root" rankine --version

echo "== the tiny model, trained there"
chroot "$root" sh -eu <<'IN_DEBIAN'
cd /tmp
rankine checkpoint synth --arch tiny-sd15 --seed 1 tiny.safetensors
rankine train --pretrained_model_name_or_path tiny.safetensors \
  --train_data_dir /usr/share/doc/rankine/examples/demo --caption_extension .txt --resolution 128 \
  --network_module networks.lora --network_dim 8 --learning_rate 1e-3 --train_batch_size 2 --cache_latents \
  --max_train_steps 8 --seed 42 --output_dir out --output_name lora
rankine plot out/metrics.jsonl out/loss.png
rankine sample --ckpt tiny.safetensors --network_weights out/lora.safetensors --prompt "a photo of a tabby cat" \
  --W 64 --H 64 --steps 4 --seed 1 --outdir out/samples
for result in out/lora.safetensors out/report.html out/loss.png out/samples/*.png; do
  test -s "$result"
done
IN_DEBIAN
echo "check_package: $(basename "$package") installs, trains and makes pictures in a fresh Debian 12"
