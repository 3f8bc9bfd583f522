#!/usr/bin/env bash
# The whole way on a tiny synthetic checkpoint: bundled pictures in, a LoRA, a loss plot and sample pictures out.
# The checkpoint's weights are made up, so its pictures are coloured noise; the loss and the change by the LoRA are real.
set -euo pipefail
cd "$(dirname "$0")/.."
rankine=${RANKINE:-build/release/rankine}
out=${1:-out/demo}
rm -rf "$out"
mkdir -p "$out"

echo "== a tiny checkpoint with made-up weights"
"$rankine" checkpoint synth --arch tiny-sd15 --seed 1 "$out/tiny-sd15.safetensors"

echo "== training on the pictures of assets/demo"
"$rankine" train \
  --pretrained_model_name_or_path "$out/tiny-sd15.safetensors" \
  --train_data_dir assets/demo --caption_extension .txt --resolution 128 \
  --network_module networks.lora --network_dim 16 --network_alpha 16 \
  --optimizer_type AdamW --learning_rate 2e-3 --lr_scheduler cosine --lr_warmup_steps 10 \
  --train_batch_size 2 --max_train_steps 200 --cache_latents --mixed_precision bf16 --seed 42 \
  --output_dir "$out" --output_name demo_lora

echo "== the loss as a picture"
"$rankine" plot "$out/metrics.jsonl" "$out/loss.png"

echo "== pictures without the LoRA (strength 0) and with it (strength 1)"
for strength in 0 1; do
  "$rankine" sample --ckpt "$out/tiny-sd15.safetensors" \
    --network_weights "$out/demo_lora.safetensors" --network_mul "$strength" \
    --prompt "a photo of a tabby cat" --negative_prompt "blurry" --sampler euler --steps 20 --scale 3 \
    --W 128 --H 128 --images_per_prompt 2 --seed 1 --outdir "$out/samples_strength_$strength"
done

echo
echo "The demo's results:"
for result in "$out"/demo_lora.safetensors "$out"/report.html "$out"/loss.png "$out"/metrics.jsonl "$out"/samples_strength_*/*.png; do
  if [[ ! -s "$result" ]]; then
    echo "demo: $result is missing" >&2
    exit 1
  fi
  printf '  %s\n' "$(realpath "$result")"
done
