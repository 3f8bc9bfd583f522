#!/usr/bin/env bash
# What is too large for every run of the tests: a run of the tiny model is killed a hundred times, every optimiser is
# stopped and continued in every precision, and a full-size SD 1.5 checkpoint is written, read and trained for two steps.
# Needs about 3 GB of disk under out/ and 8 GB of memory.
set -euo pipefail
cd "$(dirname "$0")/.."
rankine=build/release/rankine
out=out/full
mkdir -p "$out"
echo "== a run that is killed a hundred times"
time OMP_WAIT_POLICY=passive RANKINE_KILLS=100 build/release/tests/test_train --test-case="killed at random moments*"
echo "== every optimiser in every precision, with the text encoder and without, stopped and continued"
time OMP_WAIT_POLICY=passive OMP_NUM_THREADS=1 RANKINE_RESUME_ALL=1 build/release/tests/test_train \
  --test-case="stopped and continued is the same run with every optimiser*"
echo "== full-size checkpoint"
time "$rankine" checkpoint synth --arch sd15 --seed 1 "$out/sd15.safetensors"
"$rankine" checkpoint info "$out/sd15.safetensors"
echo "== two steps, 512x512, rank 32, bf16"
"$rankine" train --pretrained_model_name_or_path "$out/sd15.safetensors" --train_data_dir assets/demo \
  --caption_extension .txt --resolution 512 --network_module networks.lora --network_dim 32 --network_alpha 16 \
  --mixed_precision bf16 --cache_latents --max_train_steps 2 --seed 1 --output_dir "$out" --output_name full_lora
[[ -s "$out/full_lora.safetensors" ]]
rm -f "$out/sd15.safetensors"
echo "test-full: passed"
