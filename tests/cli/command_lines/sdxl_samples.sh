# Sample pictures of SDXL while training, with a prompt for each and two negative ones.
accelerate launch sdxl_train_network.py --pretrained_model_name_or_path models/sd_xl_base_1.0.safetensors --train_data_dir img \
  --caption_extension .txt --resolution 64 --output_dir output --output_name sdxl_samples --network_module networks.lora \
  --network_dim 4 --learning_rate 1e-4 --max_train_steps 2 --sample_prompts sample_prompts.txt --sample_sampler euler_a \
  --sample_every_n_steps 2 --cache_latents --vae models/sdxl_vae.safetensors
