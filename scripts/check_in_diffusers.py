#!/usr/bin/env python3
"""Loads a LoRA file with diffusers and compares the U-Net's output there with ours.

    pip install torch diffusers peft transformers safetensors
    scripts/check_in_diffusers.py CHECKPOINT.safetensors LORA.safetensors --outputs OURS.safetensors

CHECKPOINT is a single-file SD 1.x checkpoint of any size; the configuration is read off its tensors, and diffusers' own
function renames them. The LoRA goes through `load_lora_weights`, and every module of the file must have arrived with its
weights: no key may be missing, unexpected or warned of. OURS comes from

    build/release/tests/unet_output CHECKPOINT.safetensors LORA.safetensors OURS.safetensors

and holds `sample`, `timesteps`, `context` (as inputs) and
`output`, [N, C, H, W] float32, with an optional prefix before a dot (`case0.sample`): each prefix is one comparison.
Exit code 0 says that all of it agreed.
"""
import argparse
import logging
import sys

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel

UNET = "model.diffusion_model."
TEXT = "cond_stage_model.transformer."


class Warnings(logging.Handler):
    """Keeps what the libraries warn of: a key that does not fit is only a warning to them."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def fail(*parts):
    print("check_in_diffusers: FAILED:", *parts)
    sys.exit(1)


def count(state, pattern):
    """How many indices N the names have that fit 'before{N}after'."""
    before, after = pattern.split("{N}")
    return len({name[len(before):].split(".")[0] for name in state if name.startswith(before) and after in name[len(before):]})


def build_unet(state):
    """The U-Net with the checkpoint's weights. SD 1.x: four levels, the last without attention, 8 heads everywhere."""
    channels = tuple(state[f"{UNET}input_blocks.{n}.0.in_layers.2.weight"].shape[0] for n in (1, 4, 7, 10))
    context = state[f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"].shape[1]
    config = {"block_out_channels": channels, "cross_attention_dim": context, "attention_head_dim": 8, "layers_per_block": 2}
    unet = UNet2DConditionModel(**config)
    renamed = convert_ldm_unet_checkpoint(dict(state), dict(unet.config))
    unet.load_state_dict(renamed, strict=True)
    return unet.eval()


def build_text_encoder(state):
    own = {name[len(TEXT):]: value for name, value in state.items() if name.startswith(TEXT)}
    width = own["text_model.embeddings.token_embedding.weight"].shape[1]
    config = CLIPTextConfig(
        vocab_size=own["text_model.embeddings.token_embedding.weight"].shape[0], hidden_size=width,
        intermediate_size=own["text_model.encoder.layers.0.mlp.fc1.weight"].shape[0],
        num_hidden_layers=count(own, "text_model.encoder.layers.{N}.mlp"), num_attention_heads=width // 64,
        max_position_embeddings=77, hidden_act="quick_gelu")
    model = CLIPTextModel(config)
    own.pop("text_model.embeddings.position_ids", None)
    missing, unexpected = model.load_state_dict(own, strict=False)
    missing = [name for name in missing if not name.endswith("position_ids")]
    if missing or unexpected:
        fail("the text encoder's weights do not fit: missing", missing, "unexpected", unexpected)
    return model.eval()


def loaded_modules(model):
    """The LoRA layers that stand in a model now: module name -> (up, down, scale)."""
    layers = {}
    for name, module in model.named_modules():
        for adapter, down in getattr(module, "lora_A", {}).items():
            layers[name] = (module.lora_B[adapter].weight, down.weight, module.scaling[adapter])
    return layers


def check_loading(pipeline, file, warnings):
    """Every module of the file must stand in exactly one model, with the same numbers."""
    expected = {key[: -len(".lora_up.weight")] for key in file if key.endswith(".lora_up.weight")}
    strays = [key for key in file if key.rsplit(".lora_", 1)[0].removesuffix(".alpha") not in expected]
    if strays:
        fail("keys that belong to no LoRA module:", strays)
    arrived = {}
    for prefix, model in (("lora_unet_", pipeline.unet), ("lora_te_", pipeline.text_encoder)):
        for name, layer in loaded_modules(model).items():
            arrived[prefix + name.replace(".", "_")] = layer
    if set(arrived) != expected:
        fail("missing in diffusers:", sorted(expected - set(arrived)), "unexpected there:", sorted(set(arrived) - expected))
    for name, (up, down, scale) in arrived.items():
        wanted_up, wanted_down = file[name + ".lora_up.weight"].float(), file[name + ".lora_down.weight"].float()
        wanted = wanted_up.flatten(1) @ wanted_down.flatten(1) * (file[name + ".alpha"].item() / wanted_down.shape[0])
        got = up.float().flatten(1) @ down.float().flatten(1) * scale
        if not torch.allclose(got, wanted, rtol=1e-4, atol=1e-6 * wanted.abs().max().item() + 1e-12):
            fail(name, "arrived with other numbers")
    said = [line for line in warnings.lines if "key" in line.lower() or "lora" in line.lower()]
    if said:
        fail("diffusers warned:", said)
    return len(expected)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("lora", nargs="?", help="left out: the checkpoint alone is compared")
    parser.add_argument("--outputs", help="our outputs to compare with; without it only the loading is checked")
    parser.add_argument("--tolerance", type=float, default=2e-5, help="largest error over the largest value")
    options = parser.parse_args()

    warnings = Warnings()
    for library in ("diffusers", "peft", "transformers"):
        logging.getLogger(library).addHandler(warnings)

    state = {name: value.float() for name, value in load_file(options.checkpoint).items()}
    pipeline = StableDiffusionPipeline(
        vae=None, text_encoder=build_text_encoder(state), tokenizer=None, unet=build_unet(state),
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False)
    del state
    if options.lora:
        warnings.lines.clear()
        pipeline.load_lora_weights(options.lora)
        modules = check_loading(pipeline, load_file(options.lora), warnings)
        print(f"load_lora_weights: {modules} modules, no missing and no unexpected key, all numbers as in the file")

    if options.outputs:
        ours = load_file(options.outputs)
        prefixes = sorted(name[: -len("sample")] for name in ours if name.split(".")[-1] == "sample")
        if not prefixes:
            fail(options.outputs, "holds no tensor named sample")
        for prefix in prefixes:
            with torch.no_grad():
                theirs = pipeline.unet(ours[prefix + "sample"].float(), ours[prefix + "timesteps"].long(),
                                       ours[prefix + "context"].float()).sample
            error = ((theirs - ours[prefix + "output"].float()).abs().max() / theirs.abs().max()).item()
            print(f"U-Net {prefix or 'output'} {list(theirs.shape)}: largest error / largest value = {error:.2e} "
                  f"(accepted: {options.tolerance:.0e})")
            if not error <= options.tolerance:
                fail("the outputs differ")
    print("check_in_diffusers: passed")


if __name__ == "__main__":
    main()
