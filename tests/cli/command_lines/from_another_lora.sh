# A second round from the first one's weights, on top of a style that is merged into the model.
python3 train_network.py --pretrained_model_name_or_path models/v1-5-pruned-emaonly.safetensors --train_data_dir img \
  --caption_extension .txt --output_dir output --output_name first_round --resolution 64 --max_train_steps 1 --seed 1 \
  --network_module networks.lora --network_dim 4 --network_alpha 2 --learning_rate 1e-4
python3 train_network.py --pretrained_model_name_or_path models/v1-5-pruned-emaonly.safetensors --train_data_dir img \
  --caption_extension .txt --output_dir output --output_name from_another_lora --resolution 64 --max_train_steps 2 --seed 1 \
  --network_module networks.lora --network_weights output/first_round.safetensors --dim_from_weights --learning_rate 5e-5 \
  --base_weights output/first_round.safetensors --base_weights_multiplier 0.5 --network_train_unet_only --lowram
