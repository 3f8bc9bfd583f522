#!/usr/bin/env bash
# The tests that take too long for every run. They kill runs of tiny models of every family, stop and continue every
# optimiser in every precision, and write, read and train full-size checkpoints of SD 1.5, SD 2.1 and SDXL.
# Needs about 8 GB of disk under out/ and 8 GB of memory.
set -euo pipefail
cd "$(dirname "$0")/.."
rankine=build/release/rankine
out=out/full
mkdir -p "$out"
export OMP_WAIT_POLICY=passive
echo "== a run that is killed a hundred times"
time RANKINE_KILLS=100 build/release/tests/test_run --test-case="killed at random moments*"
for family in tiny-sd21 tiny-sdxl; do
  echo "== runs of $family that are killed twenty times, without and with the text encoders"
  time RANKINE_KILL_FAMILY=$family build/release/tests/test_run --test-case="killed at random moments*"
  time RANKINE_KILL_FAMILY=$family RANKINE_KILL_TEXT_ENCODERS=1 \
    build/release/tests/test_run --test-case="killed at random moments*"
done
echo "== every optimiser in every precision, with the text encoder and without, stopped and continued"
time OMP_NUM_THREADS=1 RANKINE_RESUME_ALL=1 build/release/tests/test_run \
  --test-case="stopped and continued is the same run with every optimiser*"

# two_steps ARCHITECTURE RESOLUTION BUDGET [FLAG...]: with a LoRA of rank 32 in bf16.
two_steps() {
  local arch=$1 resolution=$2 budget=$3
  shift 3
  echo "== $arch at full size"
  time "$rankine" checkpoint synth --arch "$arch" --seed 1 "$out/$arch.safetensors"
  "$rankine" checkpoint info "$out/$arch.safetensors"
  echo "== $arch, two steps, ${resolution}x$resolution, rank 32, bf16, --memory_budget $budget"
  time "$rankine" train --pretrained_model_name_or_path "$out/$arch.safetensors" --train_data_dir assets/demo \
    --caption_extension .txt --resolution "$resolution" --network_module networks.lora --network_dim 32 \
    --network_alpha 16 --mixed_precision bf16 --cache_latents --max_train_steps 2 --seed 1 --memory_budget "$budget" \
    --output_dir "$out" --output_name "full_$arch" "$@"
  [[ -s "$out/full_$arch.safetensors" ]]
  rm -f "$out/$arch.safetensors"
}
two_steps sd15 512 7GiB
two_steps sd21 512 4GiB --v2
two_steps sdxl 512 6GiB --network_train_unet_only
echo "test-full: passed"
