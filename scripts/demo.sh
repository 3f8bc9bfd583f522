#!/usr/bin/env bash
# The whole way on a tiny synthetic checkpoint: bundled pictures in, a LoRA, a loss plot and sample pictures out.
set -euo pipefail
cd "$(dirname "$0")/.."
rankine=build/release/rankine
out=out/demo
rm -rf "$out"
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

echo "== pictures with the LoRA, and without it for comparison"
for strength in 1 0; do
  "$rankine" sample --ckpt "$out/tiny-sd15.safetensors" \
    --network_weights "$out/demo_lora.safetensors" --network_mul "$strength" \
    --prompt "a photo of a tabby cat" --negative_prompt "blurry" --sampler euler --steps 20 --scale 7 \
    --W 128 --H 128 --seed 1 --outdir "$out/samples_strength_$strength"
done

echo
echo "The demo's results:"
for result in "$out"/demo_lora.safetensors "$out"/loss.svg "$out"/metrics.jsonl "$out"/samples_strength_*/*.png; do
  if [[ ! -s "$result" ]]; then
    echo "demo: $result is missing" >&2
    exit 1
  fi
  printf '  %s\n' "$PWD/$result"
done
