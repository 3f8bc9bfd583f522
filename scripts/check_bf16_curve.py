#!/usr/bin/env python3
"""Trains the same LoRA on the same inputs in PyTorch and here, and asks whether our bf16 loss curve lies as near to the
exact one as PyTorch's own bf16 curves do.

    pip install torch diffusers peft transformers safetensors
    build/release/rankine checkpoint synth --arch tiny-sd15 tiny.safetensors
    scripts/check_bf16_curve.py tiny.safetensors --tool build/release/tests/training_curve

Pictures are smooth made-up latents; noise, timesteps and text states are drawn once and given to both sides. PyTorch
runs fp32 once and bf16 (autocast, bf16 weights, fp32 LoRA, as sd-scripts does) under several roundings: plain,
channels-last, plain mathematics for attention, one thread, pictures of a batch in another order. A curve's distance is the
root mean square of its losses' differences to PyTorch's fp32 curve. Ours must be no larger than the largest of PyTorch's
bf16 distances. --plot FILE draws them (needs matplotlib).
"""
import argparse
import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile

import peft
import torch
from check_in_diffusers import build_unet
from safetensors.torch import load_file, save_file

# module name in diffusers -> in a LoRA file: lora_unet_ and dots as underscores.
TARGETS = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out"]


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("--tool", default="build/release/tests/training_curve")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--side", type=int, default=16, help="of the latents")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--learning_rate", type=float, default=1e-3)
    parser.add_argument("--json", type=pathlib.Path, help="keep the curves")
    parser.add_argument("--plot", type=pathlib.Path)
    return parser.parse_args()


def make_inputs(options, width):
    """Noisy latents, noise, timesteps and text states of every step."""
    generator = torch.Generator().manual_seed(11)
    shape = (4, options.side, options.side)
    coarse = torch.randn(8, 4, 4, 4, generator=generator)
    pictures = torch.nn.functional.interpolate(coarse, size=shape[1:], mode="bicubic")
    captions = torch.randn(8, 77, width, generator=generator)
    chosen = torch.randint(0, 8, (options.steps, options.batch), generator=generator)
    timesteps = torch.randint(0, 1000, (options.steps, options.batch), generator=generator)
    noise = torch.randn(options.steps, options.batch, *shape, generator=generator)
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    kept = torch.cumprod(1 - betas, 0)[timesteps][..., None, None, None]
    noisy = kept.sqrt() * pictures[chosen] + (1 - kept).sqrt() * noise
    return {"noisy_latents": noisy.float(), "target": noise, "timesteps": timesteps.float(), "context": captions[chosen]}


def adapted_unet(state, options, dtype):
    torch.manual_seed(3)
    unet = build_unet(state).to(dtype).requires_grad_(False)
    unet.add_adapter(peft.LoraConfig(r=options.rank, lora_alpha=options.rank, target_modules=TARGETS))
    for parameter in unet.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return unet


def write_lora(unet, rank, path):
    tensors = {}
    for name, module in unet.named_modules():
        if not hasattr(module, "lora_A"):
            continue
        key = "lora_unet_" + name.replace(".", "_")
        tensors[key + ".lora_down.weight"] = module.lora_A["default"].weight.data.clone().contiguous()
        tensors[key + ".lora_up.weight"] = module.lora_B["default"].weight.data.clone().contiguous()
        tensors[key + ".alpha"] = torch.tensor(float(rank))
    save_file(tensors, path)


def train(state, inputs, options, dtype, channels_last=False, math=False, threads=None, reverse=False):
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    unet = adapted_unet(state, options, dtype)
    if channels_last:
        unet.to(memory_format=torch.channels_last)
    trained = [p for p in unet.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=options.learning_rate, weight_decay=0.01)
    autocast = torch.autocast("cpu", dtype=dtype) if dtype != torch.float32 else contextlib.nullcontext()
    backends = [torch.nn.attention.SDPBackend.MATH] + ([] if math else [torch.nn.attention.SDPBackend.FLASH_ATTENTION])
    losses = []
    for step in range(options.steps):
        batch = {name: values[step] for name, values in inputs.items()}
        if reverse:
            batch = {name: values.flip(0) for name, values in batch.items()}
        noisy = batch["noisy_latents"].to(dtype)
        if channels_last:
            noisy = noisy.to(memory_format=torch.channels_last)
        with autocast, torch.nn.attention.sdpa_kernel(backends):
            prediction = unet(noisy, batch["timesteps"].long(), batch["context"].to(dtype)).sample
        loss = torch.nn.functional.mse_loss(prediction.float(), batch["target"])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    torch.set_num_threads(before)
    return losses


def our_curves(options, state, inputs):
    with tempfile.TemporaryDirectory() as folder:
        lora, given, out = (f"{folder}/{name}" for name in ("lora.safetensors", "inputs.safetensors", "losses.json"))
        write_lora(adapted_unet(state, options, torch.float32), options.rank, lora)
        save_file({name: value.contiguous() for name, value in inputs.items()}, given,
                  {"learning_rate": repr(options.learning_rate)})
        subprocess.run([options.tool, options.checkpoint, lora, given, out], check=True)
        return json.loads(pathlib.Path(out).read_text(encoding="utf-8"))


def distance(curve, exact):
    return (sum((a - b) ** 2 for a, b in zip(curve, exact)) / len(exact)) ** 0.5


def plot(path, curves):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, (top, bottom) = pyplot.subplots(2, 1, figsize=(9, 7), sharex=True)
    exact = curves["PyTorch fp32"]
    for name, curve in curves.items():
        ours, first = name.startswith("Rankine"), name == "PyTorch bf16"
        style = {"linewidth": 1.6} if ours else {"linewidth": 0.8, "color": "gray"}
        label = name if ours else "PyTorch, fp32 and bf16 under several roundings" if first else None
        top.plot(curve, label=label, **style)
        bottom.plot([a - b for a, b in zip(curve, exact)], **style)
    top.set_ylabel("loss")
    top.set_ylim(top=max(exact) * 1.35)  # room for the legend
    top.legend(fontsize="small", ncol=2, loc="upper right")
    bottom.set_ylabel("difference to PyTorch's fp32")
    bottom.set_xlabel("step")
    figure.tight_layout()
    figure.savefig(path)


def main():
    options = parse_options()
    state = {name: value.float() for name, value in load_file(options.checkpoint).items()}
    width = state["model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"].shape[1]
    inputs = make_inputs(options, width)
    bf16 = torch.bfloat16
    curves = {"PyTorch fp32": train(state, inputs, options, torch.float32)}
    for name, settings in {"bf16": {}, "bf16, channels-last": {"channels_last": True}, "bf16, plain attention": {"math": True},
                           "bf16, one thread": {"threads": 1}, "bf16, batch reversed": {"reverse": True}}.items():
        curves["PyTorch " + name] = train(state, inputs, options, bf16, **settings)
    curves |= {"Rankine " + name: curve for name, curve in our_curves(options, state, inputs).items()}

    exact = curves["PyTorch fp32"]
    distances = {name: distance(curve, exact) for name, curve in curves.items()}
    print(f"{options.steps} steps; loss {sum(exact[:10]) / 10:.4f} in the first ten, {sum(exact[-10:]) / 10:.4f} in the last ten")
    for name, value in distances.items():
        print(f"{name:32} off by {value:.2e}, at most {max(abs(a - b) for a, b in zip(curves[name], exact)):.2e}")
    if options.json:
        options.json.write_text(json.dumps(curves), encoding="utf-8")
    if options.plot:
        plot(options.plot, curves)
    limit = max(value for name, value in distances.items() if name.startswith("PyTorch bf16"))
    failed = [name for name, value in distances.items() if name.startswith("Rankine") and not value <= limit]
    if failed:
        sys.exit(f"check_bf16_curve: further off than PyTorch's bf16 ({limit:.2e}): {', '.join(failed)}")
    print("check_bf16_curve: passed")


if __name__ == "__main__":
    main()
