# Prodigy as it is recommended: rate 1, bias correction, safeguarded warm-up.
accelerate launch train_network.py \
  --pretrained_model_name_or_path="models/v1-5-pruned-emaonly.safetensors" --train_data_dir="img" --caption_extension=.txt \
  --output_dir="output" --output_name="prodigy" --resolution=64 --max_train_steps=2 --seed=1234 \
  --network_module=networks.lora --network_dim=32 --network_alpha=32 \
  --optimizer_type="Prodigy" --learning_rate=1.0 --unet_lr=1.0 --text_encoder_lr=1.0 --lr_scheduler="cosine" \
  --optimizer_args "decouple=True" "weight_decay=0.01" "d_coef=2" "use_bias_correction=True" "safeguard_warmup=True" "betas=0.9,0.99" \
  --min_snr_gamma=5 --noise_offset=0.0357 --adaptive_noise_scale=0.00357 --mixed_precision=bf16 --sdpa
