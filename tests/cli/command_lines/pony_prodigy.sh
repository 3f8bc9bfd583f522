# A character on Pony: Prodigy for U-Net and both text encoders, clip skip out of habit.
accelerate launch sdxl_train_network.py --pretrained_model_name_or_path="models/ponyDiffusionV6XL_v6StartWithThisOne.safetensors" \
  --train_data_dir="img" --caption_extension=".txt" --shuffle_caption --keep_tokens=1 --resolution="128,128" --enable_bucket \
  --min_bucket_reso=64 --max_bucket_reso=256 --output_dir="output" --output_name="pony_prodigy" --clip_skip=2 \
  --network_module=networks.lora --network_dim=8 --network_alpha=8 --unet_lr=1 --text_encoder_lr=1 --learning_rate=1 \
  --optimizer_type="Prodigy" --lr_scheduler="cosine" \
  --optimizer_args "decouple=True" "weight_decay=0.01" "d_coef=0.8" "use_bias_correction=True" "betas=0.9,0.99" \
  --min_snr_gamma=5 --noise_offset=0.03 --max_token_length=225 --max_train_steps=2 --mixed_precision=bf16 --save_precision=fp16 \
  --cache_latents --seed=1234
