"""Writes the small model as one file in the layout of SD 1.x checkpoints, in fp16.

    export.py FOLDER OUT.safetensors     from FOLDER/vae.pt and FOLDER/unet.pt
"""
from __future__ import annotations

import re
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from train_unet import load_vae, make_text_encoder, make_unet

LEVELS = 4
RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
          "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
UNET = {"conv_in": "input_blocks.0.0", "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
        "conv_norm_out": "out.0", "conv_out": "out.2", "mid_block.resnets.0": "middle_block.0",
        "mid_block.attentions.0": "middle_block.1", "mid_block.resnets.1": "middle_block.2"}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def renamed_start(name: str, table: dict[str, str]) -> str | None:
    for start, new in table.items():
        if name.startswith(start + "."):
            return new + name[len(start):]
    return None


def unet_name(name: str) -> str:
    """"down_blocks.0.resnets.1.conv1.weight" -> "input_blocks.2.0.in_layers.2.weight"."""
    if match := re.match(r"(down|up)_blocks\.(\d)\.(resnets|attentions)\.(\d)\.(.*)", name):
        side, level, kind, place, rest = match.groups()
        block = (f"input_blocks.{3 * int(level) + int(place) + 1}" if side == "down"
                 else f"output_blocks.{3 * int(level) + int(place)}")
        name = f"{block}.{'0' if kind == 'resnets' else '1'}.{rest}"
    elif match := re.match(r"down_blocks\.(\d)\.downsamplers\.0\.conv\.(.*)", name):
        return f"input_blocks.{3 * (int(match[1]) + 1)}.0.op.{match[2]}"
    elif match := re.match(r"up_blocks\.(\d)\.upsamplers\.0\.(.*)", name):
        return f"output_blocks.{3 * int(match[1]) + 2}.{1 if match[1] == '0' else 2}.{match[2]}"
    else:
        name = renamed_start(name, UNET) or name
    if match := re.match(r"(\w+_blocks?\.(?:\d+\.)?\d)\.([^.]+)(\..*)", name):
        if match[2] in RESNET:
            return f"{match[1]}.{RESNET[match[2]]}{match[3]}"
    return name


def vae_name(name: str) -> str:
    """"decoder.up_blocks.0.resnets.1.conv1.weight" -> "decoder.up.3.block.1.conv1.weight"."""
    name = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
    name = name.replace("mid_block.attentions.0.", "mid.attn_1.")
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    name = re.sub(r"down_blocks\.(\d)", r"down.\1", name)
    name = re.sub(r"up_blocks\.(\d)", lambda m: f"up.{LEVELS - 1 - int(m[1])}", name)
    name = name.replace("resnets", "block").replace("downsamplers.0", "downsample").replace("upsamplers.0", "upsample")
    start, attention, rest = name.partition("mid.attn_1.")
    return start + attention + (renamed_start(rest, VAE_ATTENTION) or rest) if attention else name


def checkpoint_tensors(folder: Path) -> dict[str, torch.Tensor]:
    unet, text = make_unet(), make_text_encoder()
    state = torch.load(folder / "unet.pt")["average"]
    unet.load_state_dict({name[5:]: value for name, value in state.items() if name.startswith("unet.")})
    text.load_state_dict({name[5:]: value for name, value in state.items() if name.startswith("text.")})
    tensors = {"model.diffusion_model." + unet_name(name): value for name, value in unet.state_dict().items()}
    for name, value in load_vae(folder).state_dict().items():
        name = vae_name(name)
        if re.search(r"attn_1\.(q|k|v|proj_out)\.weight", name):
            value = value[:, :, None, None]  # convolutions of 1 x 1 in single files
        tensors["first_stage_model." + name] = value
    for name, value in text.state_dict().items():
        if not name.endswith("position_ids"):
            tensors["cond_stage_model.transformer.text_model." + name.removeprefix("text_model.")] = value
    return {name: value.to(torch.float16).contiguous() for name, value in tensors.items()}


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    save_file(checkpoint_tensors(Path(sys.argv[1])), sys.argv[2], metadata={"format": "pt"})
