# Everything about noise and timesteps that guides turn on.
accelerate launch train_network.py --pretrained_model_name_or_path models/v1-5-pruned-emaonly.safetensors --train_data_dir img \
  --caption_extension .txt --output_dir output --output_name noise_and_snr --resolution 64 --max_train_steps 2 \
  --network_module networks.lora --network_dim 4 --multires_noise_iterations 6 --multires_noise_discount 0.3 \
  --ip_noise_gamma 0.1 --ip_noise_gamma_random_strength --min_snr_gamma 5 --debiased_estimation_loss --min_timestep 50 \
  --max_timestep 950 --caption_dropout_rate 0.1 --caption_tag_dropout_rate 0.1 --caption_dropout_every_n_epochs 5 \
  --optimizer_type SGDNesterov --learning_rate 1e-3 --flip_aug --color_aug --random_crop
