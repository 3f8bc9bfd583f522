# NoobAI's v-prediction model.
accelerate launch --mixed_precision bf16 sdxl_train_network.py \
  --pretrained_model_name_or_path="models/NoobAI-XL-Vpred-v1.0.safetensors" --v_parameterization --zero_terminal_snr \
  --train_data_dir="img" --caption_extension=".txt" --shuffle_caption --keep_tokens=1 --resolution=128 --enable_bucket \
  --min_bucket_reso=64 --max_bucket_reso=256 --bucket_reso_steps=32 --output_dir="output" --output_name="noobai_v_prediction" \
  --network_module=networks.lora --network_dim=32 --network_alpha=32 --network_train_unet_only \
  --optimizer_type=AdamW8bit --learning_rate=1e-4 --lr_scheduler=cosine --lr_warmup_steps=0 --min_snr_gamma=1 \
  --max_train_steps=2 --train_batch_size=2 --mixed_precision=bf16 --gradient_checkpointing --sdpa --seed=42
