# 3x3 convolutions, ranks and rates by block.
accelerate launch train_network.py --pretrained_model_name_or_path=models/v1-5-pruned-emaonly.safetensors --train_data_dir=img \
  --caption_extension=.txt --output_dir=output --output_name=locon_blocks --resolution=64 --max_train_steps=2 \
  --network_module=networks.lora --network_dim=16 --network_alpha=8 --network_dropout=0.1 --scale_weight_norms=1.0 \
  --network_args "conv_dim=4" "conv_alpha=1" \
    "block_dims=2,4,4,4,8,8,8,8,12,12,12,12,16,12,12,12,12,8,8,8,8,4,4,4,2" \
    "block_alphas=1,2,2,2,4,4,4,4,6,6,6,6,8,6,6,6,6,4,4,4,4,2,2,2,1" \
    "down_lr_weight=0,0,0,0,0,0,1,1,1,1,1,1" "mid_lr_weight=1" "up_lr_weight=1,1,1,1,1,1,0,0,0,0,0,0" \
  --learning_rate=1e-4 --lr_scheduler=cosine --optimizer_type=AdamW --mixed_precision=bf16 --cache_latents
