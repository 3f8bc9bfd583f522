# The same pictures at two resolutions; small ones are left out of the larger.
accelerate launch sdxl_train_network.py --pretrained_model_name_or_path models/sd_xl_base_1.0.safetensors \
  --dataset_config datasets/two_resolutions.toml --output_dir output --output_name sdxl_several_resolutions \
  --network_module networks.lora --network_dim 4 --network_train_unet_only --learning_rate 1e-4 --optimizer_type Lion \
  --max_train_epochs 1 --cache_latents --cache_latents_to_disk --mixed_precision bf16 --save_precision bf16
