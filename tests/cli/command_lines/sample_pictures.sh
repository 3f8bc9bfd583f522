# Sample pictures while training.
accelerate launch train_network.py --pretrained_model_name_or_path models/v1-5-pruned-emaonly.safetensors --train_data_dir img \
  --caption_extension .txt --output_dir output --output_name sample_pictures --resolution 64 --max_train_steps 2 \
  --network_module networks.lora --network_dim 4 --learning_rate 1e-4 --sample_prompts sample_prompts.txt \
  --sample_sampler euler_a --sample_every_n_steps 2 --sample_at_first --cache_latents
