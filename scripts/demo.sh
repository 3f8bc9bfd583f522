#!/usr/bin/env bash
# The whole way on a tiny synthetic checkpoint: bundled pictures in, a LoRA, a loss plot and sample pictures out.
set -euo pipefail
cd "$(dirname "$0")/.."
rankine=build/release/rankine
out=out/demo
mkdir -p "$out"

echo "== a tiny checkpoint with made-up weights"
"$rankine" checkpoint synth --arch tiny-sd15 --seed 1 "$out/tiny-sd15.safetensors"

echo "== training on the pictures of assets/demo"
"$rankine" train \
  --pretrained_model_name_or_path "$out/tiny-sd15.safetensors" \
  --train_data_dir assets/demo --caption_extension .txt \
  --resolution 128 --enable_bucket --min_bucket_reso 64 --max_bucket_reso 256 \
  --network_module networks.lora --network_dim 8 --network_alpha 4 \
  --optimizer_type AdamW --learning_rate 1e-3 --lr_scheduler cosine --lr_warmup_steps 10 \
  --train_batch_size 2 --max_train_steps 200 --cache_latents --mixed_precision bf16 --seed 42 \
  --output_dir "$out" --output_name demo_lora

echo "== pictures with the LoRA"
for sampler in ddim euler; do
  "$rankine" sample --checkpoint "$out/tiny-sd15.safetensors" --lora "$out/demo_lora.safetensors:1.0" \
    --prompt "a photo of a cat" --negative_prompt "blurry" --sampler "$sampler" --steps 20 --cfg_scale 7 \
    --width 128 --height 128 --seed 1 --output "$out/sample_$sampler.png"
done

echo
echo "The demo's results:"
for result in demo_lora.safetensors loss.svg metrics.jsonl sample_ddim.png sample_euler.png; do
  if [[ ! -s "$out/$result" ]]; then
    echo "demo: $out/$result is missing" >&2
    exit 1
  fi
  printf '  %s\n' "$PWD/$out/$result"
done
