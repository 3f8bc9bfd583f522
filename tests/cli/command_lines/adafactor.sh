# Adafactor with a fixed rate.
accelerate launch --mixed_precision bf16 train_network.py --mixed_precision bf16 \
  --pretrained_model_name_or_path models/v1-5-pruned-emaonly.safetensors --train_data_dir img --caption_extension .txt \
  --output_dir output --output_name adafactor --resolution 64 --max_train_steps 2 --network_module networks.lora \
  --network_dim 8 --network_alpha 4 --network_train_unet_only --optimizer_type adafactor \
  --optimizer_args scale_parameter=False relative_step=False warmup_init=False weight_decay=0.01 \
  --lr_scheduler constant_with_warmup --lr_warmup_steps 0.1 --learning_rate 4e-4 --max_grad_norm 0.0 --save_every_n_steps 1
