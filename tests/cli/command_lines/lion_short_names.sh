# Names cut short, as Python's argparse takes them.
train_network.py --pretrained models/v1-5-pruned-emaonly.safetensors --train_d img --caption_extension .txt --output_d output \
  --output_n lion_short_names --reso 64 --max_train_s 2 --network_mod networks.lora --network_di 8 --network_al 4 \
  --optimizer_t Lion8bit --optimizer_a weight_decay=0.1 betas=.95,.98 --learning 3e-5 --lr_scheduler linear --shuffle --see 7 \
  --save_prec fp16 --cache_latents --train_b 2
