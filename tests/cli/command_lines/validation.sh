# Held-out pictures, wildcards and separators in captions, v-prediction with its weighting.
accelerate launch --num_processes=1 --num_machines=1 --dynamo_backend=no train_network.py \
  --pretrained_model_name_or_path models/v1-5-pruned-emaonly.safetensors --dataset_config datasets/captions.toml \
  --validation_seed 42 --validate_every_n_steps 1 --max_validation_steps 1 --output_dir output --output_name validation \
  --max_train_steps 2 --network_module networks.lora --network_dim 4 --learning_rate 1e-4 --v_parameterization \
  --scale_v_pred_loss_like_noise_pred --zero_terminal_snr --weighted_captions --max_token_length 150 --lr_scheduler inverse_sqrt \
  --lr_warmup_steps 1
