#!/usr/bin/env python3
"""One LoRA training step of Stable Diffusion in PyTorch, as sd-scripts takes it: the yardstick of bench/compare.

    pip install torch diffusers peft transformers
    bench/pytorch_step.py --family sd15 --resolution 512 --rank 32 --steps 5

A whole step is timed: noise and timestep, U-Net forward, mean squared error, backward, clipping, AdamW. Like sd-scripts
with --mixed_precision bf16, the frozen weights are bf16, the LoRA's master weights fp32, and autocast picks the type of
each operation. All modules that sd-scripts adapts get a LoRA (q, k, v, out, both feed-forward layers, proj_in and
proj_out of every transformer: 192 in SD 1.5 and 2.1, 722 in SDXL). The text context is fixed. The weights are random at
the family's real sizes, or those of --checkpoint; the values do not change the time. The last line is JSON.
"""
import argparse
import contextlib
import json
import resource
import statistics
import sys
import time

TARGETS = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out"]

# diffusers' configurations, where they differ from its defaults; the modules that sd-scripts adapts.
FAMILIES = {
    "sd15": (dict(cross_attention_dim=768, attention_head_dim=8, sample_size=64), 192),
    "sd21": (dict(cross_attention_dim=1024, attention_head_dim=[5, 10, 20, 20], sample_size=96,
                  use_linear_projection=True), 192),
    "sdxl": (dict(cross_attention_dim=2048, attention_head_dim=[5, 10, 20], sample_size=128, use_linear_projection=True,
                  block_out_channels=(320, 640, 1280), transformer_layers_per_block=[1, 2, 10],
                  down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                  up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
                  addition_embed_type="text_time", addition_time_embed_dim=256,
                  projection_class_embeddings_input_dim=2816), 722),
}


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=list(FAMILIES), default="sd15")
    parser.add_argument("--checkpoint", help="a single-file .safetensors; without it the weights are random")
    parser.add_argument("--resolution", type=int, default=512, help="pixels a side, a multiple of 64")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--alpha", type=float, help="default: half the rank")
    parser.add_argument("--steps", type=int, default=5, help="timed steps, after --warmup")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--threads", type=int, default=0, help="default: what torch takes")
    parser.add_argument("--channels_last", action="store_true")
    parser.add_argument("--gradient_checkpointing", action="store_true")
    parser.add_argument("--compile", action="store_true", help="torch.compile the U-Net")
    return parser.parse_args()


def frozen_unet(options, dtype):
    """The U-Net in its compute type; built without ever holding it in fp32, so that the peak is the step's own."""
    import torch
    from diffusers import UNet2DConditionModel

    default = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    unet = UNet2DConditionModel(**FAMILIES[options.family][0])
    torch.set_default_dtype(default)
    if options.checkpoint:
        from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint
        from safetensors import safe_open

        with safe_open(options.checkpoint, framework="pt") as file:
            names = [name for name in file.keys() if name.startswith("model.diffusion_model.")]
            state = {name: file.get_tensor(name).to(dtype) for name in names}
        unet.load_state_dict(convert_ldm_unet_checkpoint(state, dict(unet.config)), strict=True, assign=True)
    return unet.to(dtype).requires_grad_(False)


def main():
    options = parse_options()
    import diffusers
    import peft
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    dtype = torch.bfloat16 if options.precision == "bf16" else torch.float32
    alpha = options.alpha if options.alpha is not None else options.rank / 2

    unet = frozen_unet(options, dtype)
    unet.add_adapter(peft.LoraConfig(r=options.rank, lora_alpha=alpha, target_modules=TARGETS, init_lora_weights="gaussian"))
    trained = [p for p in unet.parameters() if p.requires_grad]
    for parameter in trained:
        parameter.data = parameter.data.float()
    adapted = sum(1 for name, _ in unet.named_modules() if name.endswith("lora_A.default"))
    if adapted != FAMILIES[options.family][1]:
        sys.exit(f"pytorch_step: {adapted} modules are adapted, and sd-scripts adapts {FAMILIES[options.family][1]}")
    if options.channels_last:
        unet.to(memory_format=torch.channels_last)
    if options.gradient_checkpointing:
        unet.enable_gradient_checkpointing()
    unet.train()
    model = torch.compile(unet) if options.compile else unet

    optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.01)
    scheduler = diffusers.DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                                        num_train_timesteps=1000, clip_sample=False)
    side = options.resolution // 8
    latents = torch.randn(options.batch, 4, side, side) * 0.18215
    context = torch.randn(options.batch, 77, unet.config.cross_attention_dim).to(dtype)
    more = {}
    if options.family == "sdxl":  # the pooled text, and the original size, crop and target size
        sizes = [options.resolution, options.resolution, 0, 0, options.resolution, options.resolution]
        more["added_cond_kwargs"] = {"text_embeds": torch.randn(options.batch, 1280).to(dtype),
                                     "time_ids": torch.tensor([sizes] * options.batch).to(dtype)}
    autocast = torch.autocast("cpu", dtype=dtype) if dtype != torch.float32 else contextlib.nullcontext()

    def step():
        noise = torch.randn_like(latents)
        timesteps = torch.randint(0, 1000, (options.batch,))
        noisy = scheduler.add_noise(latents, noise, timesteps)
        if options.channels_last:
            noisy = noisy.to(memory_format=torch.channels_last)
        with autocast:
            prediction = model(noisy.to(dtype), timesteps, context, **more).sample
        loss = torch.nn.functional.mse_loss(prediction.float(), noise)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    seconds = []
    for i in range(options.warmup + options.steps):
        start = time.perf_counter()
        loss = step()
        elapsed = time.perf_counter() - start
        print(f"step {i + 1}: {elapsed:.3f} s, loss {loss:.4f}", file=sys.stderr, flush=True)
        if i >= options.warmup:
            seconds.append(elapsed)
    print(json.dumps({
        "torch": torch.__version__, "diffusers": diffusers.__version__, "peft": peft.__version__,
        "family": options.family, "threads": torch.get_num_threads(), "precision": options.precision, "resolution": options.resolution,
        "batch": options.batch, "rank": options.rank, "adapted_modules": adapted,
        "trained_parameters": sum(p.numel() for p in trained),
        "channels_last": options.channels_last, "gradient_checkpointing": options.gradient_checkpointing,
        "compile": options.compile,
        "seconds_per_step": round(statistics.median(seconds), 4), "seconds": [round(s, 4) for s in seconds],
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }))


if __name__ == "__main__":
    main()
