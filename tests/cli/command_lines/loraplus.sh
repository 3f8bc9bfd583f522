# LoRA+, dropout of ranks and modules, Huber loss.
accelerate launch train_network.py --pretrained_model_name_or_path models/v1-5-pruned-emaonly.safetensors --train_data_dir img \
  --caption_extension .txt --output_dir output --output_name loraplus --resolution 64 --max_train_steps 2 \
  --network_module networks.lora --network_dim 8 --network_args "loraplus_unet_lr_ratio=16" "loraplus_text_encoder_lr_ratio=4" "rank_dropout=0.1" "module_dropout=0.05" \
  --loss_type huber --huber_schedule snr --huber_c 0.1 --learning_rate 2e-4 --lr_scheduler polynomial --lr_scheduler_power 2 \
  --optimizer_type AdamW --gradient_accumulation_steps 2 --seed 42
