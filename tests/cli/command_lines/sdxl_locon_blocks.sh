# Ranks and rates for each of SDXL's blocks, convolutions included.
accelerate launch sdxl_train_network.py --pretrained_model_name_or_path models/sd_xl_base_1.0.safetensors \
  --train_data_dir img --caption_extension .txt --resolution 64 --output_dir output --output_name sdxl_locon_blocks \
  --network_module networks.lora --network_dim 4 --network_alpha 2 \
  --network_args "conv_dim=2" "conv_alpha=1" "block_dims=2,2,2,2,4,4,4,8,8,8,8,8,8,8,8,8,4,4,4,2,2,2,2" \
  "block_alphas=1,1,1,1,2,2,2,4,4,4,4,4,4,4,4,4,2,2,2,1,1,1,1" "down_lr_weight=0,0,0,0,1,1,1,1,1" "mid_lr_weight=1,1,1" \
  "up_lr_weight=1,1,1,0.5,0.5,0.5,0,0,0" \
  --learning_rate 1e-4 --max_train_steps 2 --cache_latents --mixed_precision bf16
