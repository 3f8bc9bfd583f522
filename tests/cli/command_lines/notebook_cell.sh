# A cell of a hosted notebook: quotes everywhere, folders with repeats, logging.
accelerate launch --config_file="accelerate.yaml" --num_cpu_threads_per_process=8 "./train_network.py" \
  --pretrained_model_name_or_path="models/AnyLoRA_noVae_fp16-pruned.safetensors" \
  --vae="models/vae-ft-mse-840000-ema-pruned.safetensors" \
  --caption_extension=".txt" --shuffle_caption --keep_tokens="1" \
  --train_data_dir="img" --output_dir="output" --output_name="notebook_cell" \
  --resolution="128,128" --enable_bucket --min_bucket_reso=64 --max_bucket_reso=192 --bucket_reso_steps=64 \
  --train_batch_size=2 --max_train_steps=2 --save_every_n_epochs=1 \
  --learning_rate="0.0005" --unet_lr="0.0005" --text_encoder_lr="0.0001" \
  --lr_scheduler="cosine_with_restarts" --lr_scheduler_num_cycles="3" --lr_warmup_steps="0" \
  --network_module="networks.lora" --network_dim="16" --network_alpha="8" \
  --optimizer_type="AdamW8bit" --max_token_length=225 --clip_skip=2 --noise_offset=0.0 --seed="42" \
  --mixed_precision="fp16" --save_precision="fp16" --xformers --cache_latents --gradient_checkpointing \
  --logging_dir="logs" --log_prefix="notebook_cell" --max_data_loader_n_workers="1" --persistent_data_loader_workers
