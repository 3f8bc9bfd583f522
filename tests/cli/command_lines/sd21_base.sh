# SD 2.1 base predicts noise; the penultimate layer is the usual one there.
accelerate launch train_network.py --v2 --pretrained_model_name_or_path=models/v2-1_512-ema-pruned.safetensors \
  --train_data_dir=img --reg_data_dir=reg --caption_extension=.txt --resolution=64 --output_dir=output --output_name=sd21_base \
  --network_module=networks.lora --network_dim=4 --network_alpha=4 --optimizer_type=DAdaptAdam --learning_rate=1 \
  --optimizer_args decouple=True weight_decay=0.01 --max_train_steps=2 --prior_loss_weight=1.0 --cache_latents
