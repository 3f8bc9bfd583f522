# Pictures named by a metadata file, as the captioning tools write it.
accelerate launch train_network.py --pretrained_model_name_or_path models/v1-5-pruned-emaonly.safetensors \
  --in_json datasets/meta_cap.json --train_data_dir "img/10_sks dog" --dataset_repeats 2 --output_dir output \
  --output_name metadata_json --resolution 64,64 --train_batch_size 1 --max_train_steps 2 --shuffle_caption \
  --network_module networks.lora --network_dim 4 --learning_rate 1e-4 --optimizer_type AdamWScheduleFree \
  --save_model_as ckpt --metadata_title "A dog" --metadata_author me --metadata_tags "dog,test" --training_comment "from metadata"
