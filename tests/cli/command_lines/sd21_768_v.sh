# SD 2.1 for 768 x 768 predicts velocity.
accelerate launch --num_cpu_threads_per_process 8 train_network.py --v2 --v_parameterization \
  --pretrained_model_name_or_path="models/v2-1_768-ema-pruned.safetensors" --train_data_dir="img" --caption_extension=".txt" \
  --resolution=128,128 --enable_bucket --min_bucket_reso=64 --max_bucket_reso=256 --output_dir="output" \
  --output_name="sd21_768_v" --network_module=networks.lora --network_dim=16 --network_alpha=8 --learning_rate=1e-4 \
  --text_encoder_lr=5e-5 --scale_v_pred_loss_like_noise_pred --zero_terminal_snr --min_snr_gamma=5 --max_train_steps=2 \
  --train_batch_size=2 --mixed_precision=fp16 --cache_latents --seed=42
