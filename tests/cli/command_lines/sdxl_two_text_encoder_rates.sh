# As sd-scripts' documents show it, with a dataset file and a rate for each text encoder.
accelerate launch --num_cpu_threads_per_process 1 sdxl_train_network.py \
  --pretrained_model_name_or_path="models/sd_xl_base_1.0.safetensors" --dataset_config="datasets/dreambooth.toml" \
  --output_dir="./output" --output_name="sdxl_two_text_encoder_rates" --save_model_as=safetensors \
  --network_module=networks.lora --network_dim=32 --network_alpha=16 --learning_rate=1e-4 --unet_lr=1e-4 \
  --text_encoder_lr 1e-5 5e-6 --optimizer_type="AdamW8bit" --lr_scheduler="cosine_with_restarts" --lr_warmup_steps=1 \
  --max_train_steps=2 --save_every_n_epochs=1 --mixed_precision="bf16" --gradient_checkpointing --cache_latents
