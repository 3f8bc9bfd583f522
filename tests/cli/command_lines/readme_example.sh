# The first example of most introductions: a dataset file, everything else on the line.
accelerate launch --num_cpu_threads_per_process 1 train_network.py \
    --pretrained_model_name_or_path=models/v1-5-pruned-emaonly.safetensors \
    --dataset_config=datasets/dreambooth.toml \
    --output_dir=output \
    --output_name=readme_example \
    --save_model_as=safetensors \
    --prior_loss_weight=1.0 \
    --max_train_steps=2 \
    --learning_rate=1e-4 \
    --optimizer_type="AdamW8bit" \
    --xformers \
    --mixed_precision="bf16" \
    --cache_latents \
    --gradient_checkpointing \
    --save_every_n_epochs=1 \
    --network_module=networks.lora
