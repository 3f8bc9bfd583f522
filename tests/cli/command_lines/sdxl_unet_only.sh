# For little memory: the U-Net alone, encoded captions on the disk, Adafactor with a rate of its own.
accelerate launch sdxl_train_network.py --pretrained_model_name_or_path models/sd_xl_base_1.0.safetensors \
  --train_data_dir img --caption_extension .txt --resolution 128,128 --enable_bucket --min_bucket_reso 64 --max_bucket_reso 192 \
  --output_dir output --output_name sdxl_unet_only --network_module networks.lora --network_dim 16 --network_alpha 1 \
  --network_train_unet_only --cache_text_encoder_outputs --cache_text_encoder_outputs_to_disk --cache_latents \
  --cache_latents_to_disk --optimizer_type Adafactor \
  --optimizer_args scale_parameter=False relative_step=False warmup_init=False --lr_scheduler constant_with_warmup \
  --lr_warmup_steps 1 --learning_rate 4e-4 --max_grad_norm 0 --max_train_steps 2 --no_half_vae --mixed_precision fp16 \
  --full_fp16 --save_precision fp16 --xformers --lowram
