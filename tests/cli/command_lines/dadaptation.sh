# D-Adaptation, an older guide: no warm-up, constant rate of 1.
python train_network.py --pretrained_model_name_or_path models/v1-5-pruned-emaonly.safetensors --train_data_dir img \
  --reg_data_dir reg --caption_extension .txt --output_dir output --output_name dadaptation --resolution 64,64 \
  --network_module networks.lora --network_dim 4 --max_train_steps 2 --train_batch_size 1 \
  --optimizer_type DAdaptAdam --optimizer_args "decouple=True" "weight_decay=0.02" "betas=0.9,0.99" \
  --learning_rate 1 --unet_lr 1 --text_encoder_lr 1 --lr_scheduler constant --prior_loss_weight 0.5 --cache_latents
