# Masks beside the pictures, from a dataset file.
accelerate launch train_network.py --pretrained_model_name_or_path models/v1-5-pruned-emaonly.safetensors \
  --dataset_config datasets/masked.toml --masked_loss --output_dir output --output_name masked_loss --max_train_steps 2 \
  --network_module networks.lora --network_dim 8 --network_alpha 4 --learning_rate 1e-4 --optimizer_type AdamW --cache_latents
