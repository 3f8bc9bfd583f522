# States along the way, then more steps from the last of them.
accelerate launch train_network.py --pretrained_model_name_or_path models/v1-5-pruned-emaonly.safetensors --train_data_dir img \
  --caption_extension .txt --output_dir output --output_name save_and_resume --resolution 64 --max_train_steps 2 --seed 1 \
  --network_module networks.lora --network_dim 4 --learning_rate 1e-4 --save_every_n_steps 1 --save_state --save_last_n_steps 1 \
  --save_last_n_steps_state 1
accelerate launch train_network.py --pretrained_model_name_or_path models/v1-5-pruned-emaonly.safetensors --train_data_dir img \
  --caption_extension .txt --output_dir output --output_name save_and_resume_more --resolution 64 --max_train_steps 3 --seed 1 \
  --network_module networks.lora --network_dim 4 --learning_rate 1e-4 --resume output/save_and_resume-state \
  --skip_until_initial_step
