#!/usr/bin/env python3
"""Loads a LoRA file with diffusers and compares the U-Net's output there with ours.

    pip install torch diffusers peft transformers safetensors
    scripts/check_in_diffusers.py CHECKPOINT.safetensors LORA.safetensors --outputs OURS.safetensors

CHECKPOINT is a single-file checkpoint of SD 1.x, SD 2.x or SDXL of any size; the configuration is read off its tensors,
and diffusers' own function renames the U-Net's. The LoRA goes through `load_lora_weights`, and every module of the
file must have arrived with its weights: no key may be missing, unexpected or warned of. OURS comes from

    build/release/tests/unet_output CHECKPOINT.safetensors LORA.safetensors OURS.safetensors

and holds `sample`, `timesteps`, `context` (as inputs; for SDXL `pooled` and `sizes`, too) and
`output`, [N, C, H, W] float32, with an optional prefix before a dot (`case0.sample`): each prefix is one comparison.
Exit code 0 says that all of it agreed.
"""
import argparse
import logging
import sys

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from diffusers.loaders.lora_conversion_utils import _convert_unet_lora_key, _maybe_map_sgm_blocks_to_diffusers
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

UNET = "model.diffusion_model."
CLIP = "cond_stage_model.transformer."
OPEN_CLIP = "cond_stage_model.model."
CLIP_1, OPEN_CLIP_2 = "conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."
OPEN_CLIP_LAYER = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2",
                   "attn.out_proj": "self_attn.out_proj"}


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


def has(state, prefix):
    return any(name.startswith(prefix) for name in state)


def build_unet(state):
    """The U-Net with the checkpoint's weights. Levels and depths of transformers are read off the names. As in
    sd-scripts, SD 2.x's projections around transformers are convolutions of 1 x 1: its LoRA files have their shapes."""
    levels = [n for n in (1, 4, 7, 10) if f"{UNET}input_blocks.{n}.0.in_layers.2.weight" in state]
    channels = tuple(state[f"{UNET}input_blocks.{n}.0.in_layers.2.weight"].shape[0] for n in levels)
    depths = [count(state, f"{UNET}input_blocks.{n}.1.transformer_blocks.{{N}}.norm1.weight") for n in levels]
    attention = f"{UNET}input_blocks.{levels[1]}.1."
    own_heads = state[attention + "proj_in.weight"].dim() == 2
    if own_heads and not has(state, OPEN_CLIP_2):
        for name in [name for name in state if name.startswith(UNET) and name.endswith(("proj_in.weight", "proj_out.weight"))]:
            state[name] = state[name][..., None, None] if state[name].dim() == 2 else state[name]
    linear = state[attention + "proj_in.weight"].dim() == 2
    config = {"block_out_channels": channels, "layers_per_block": 2, "use_linear_projection": linear,
              "cross_attention_dim": state[attention + "transformer_blocks.0.attn2.to_k.weight"].shape[1],
              "attention_head_dim": tuple(width // 64 for width in channels) if own_heads else 8,
              "transformer_layers_per_block": tuple(max(depth, 1) for depth in depths),
              "down_block_types": tuple("CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths),
              "up_block_types": tuple("CrossAttnUpBlock2D" if depth else "UpBlock2D" for depth in reversed(depths))}
    if f"{UNET}label_emb.0.0.weight" in state:
        config |= {"addition_embed_type": "text_time", "addition_time_embed_dim": 256,
                   "projection_class_embeddings_input_dim": state[f"{UNET}label_emb.0.0.weight"].shape[1]}
    unet = UNet2DConditionModel(**config)
    unet_state = {name: value for name, value in state.items() if name.startswith(UNET)}
    unet.load_state_dict(convert_ldm_unet_checkpoint(unet_state, dict(unet.config, class_embed_type=None)), strict=True)
    return unet.eval()


def from_open_clip(state, prefix):
    """The weights of an OpenCLIP text tower under transformers' names, q, k and v unpacked."""
    own = {name[len(prefix):]: value for name, value in state.items() if name.startswith(prefix)}
    renamed = {"text_model.embeddings.token_embedding.weight": own["token_embedding.weight"],
               "text_model.embeddings.position_embedding.weight": own["positional_embedding"],
               "text_model.final_layer_norm.weight": own["ln_final.weight"],
               "text_model.final_layer_norm.bias": own["ln_final.bias"],
               "text_projection.weight": own["text_projection"].T.contiguous()}
    for name, value in own.items():
        if not name.startswith("transformer.resblocks."):
            continue
        number, rest = name[len("transformer.resblocks."):].split(".", 1)
        layer = f"text_model.encoder.layers.{number}."
        if rest.startswith("attn.in_proj_"):
            for part, rows in zip("qkv", value.chunk(3)):
                renamed[f"{layer}self_attn.{part}_proj.{rest[len('attn.in_proj_'):]}"] = rows
        else:
            module, kind = rest.rsplit(".", 1)
            renamed[f"{layer}{OPEN_CLIP_LAYER[module]}.{kind}"] = value
    return renamed


def build_text_encoder(own, activation, projected=False):
    """A text encoder with these weights, under transformers' names."""
    own = dict(own)
    width = own["text_model.embeddings.token_embedding.weight"].shape[1]
    config = CLIPTextConfig(
        vocab_size=own["text_model.embeddings.token_embedding.weight"].shape[0], hidden_size=width,
        intermediate_size=own["text_model.encoder.layers.0.mlp.fc1.weight"].shape[0],
        num_hidden_layers=count(own, "text_model.encoder.layers.{N}.mlp"), num_attention_heads=width // 64,
        max_position_embeddings=77, hidden_act=activation, projection_dim=width)
    model = (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)
    own.pop("text_model.embeddings.position_ids", None)
    if not projected:
        own.pop("text_projection.weight", None)
    if "text_model.embeddings.token_embedding.weight" not in model.state_dict():  # newer transformers
        own = {name.removeprefix("text_model."): value for name, value in own.items()}
    missing, unexpected = model.load_state_dict(own, strict=False)
    missing = [name for name in missing if not name.endswith("position_ids")]
    if missing or unexpected:
        fail("the text encoder's weights do not fit: missing", missing, "unexpected", unexpected)
    return model.eval()


def build_pipeline(state):
    common = {"vae": None, "tokenizer": None, "unet": build_unet(state),
              "scheduler": DDIMScheduler(steps_offset=1, clip_sample=False)}
    under = lambda prefix: {name[len(prefix):]: value for name, value in state.items() if name.startswith(prefix)}
    if has(state, OPEN_CLIP_2):
        return StableDiffusionXLPipeline(
            text_encoder=build_text_encoder(under(CLIP_1), "quick_gelu"), tokenizer_2=None,
            text_encoder_2=build_text_encoder(from_open_clip(state, OPEN_CLIP_2), "gelu", projected=True),
            add_watermarker=False, **common)
    text_encoder = (build_text_encoder(from_open_clip(state, OPEN_CLIP), "gelu") if has(state, OPEN_CLIP)
                    else build_text_encoder(under(CLIP), "quick_gelu"))
    return StableDiffusionPipeline(text_encoder=text_encoder, safety_checker=None, feature_extractor=None,
                                   requires_safety_checker=False, **common)


def loaded_modules(model):
    """The LoRA layers that stand in a model now: module name -> (up, down, scale)."""
    layers = {}
    for name, module in model.named_modules():
        for adapter, down in getattr(module, "lora_A", {}).items():
            layers[name] = (module.lora_B[adapter].weight, down.weight, module.scaling[adapter])
    return layers


def in_diffusers(key):
    """A key of SDXL's U-Net with diffusers' words for its modules."""
    module, rest = key.split(".", 1)
    if module.startswith("lora_unet_"):
        words = _convert_unet_lora_key(module).removeprefix("unet.").replace(".processor", "")
        module = "lora_unet_" + words.replace(".", "_")
    return f"{module}.{rest}"


def check_loading(pipeline, file, warnings):
    """Every module of the file must stand in exactly one model, with the same numbers."""
    if isinstance(pipeline, StableDiffusionXLPipeline):  # the U-Net's blocks have the names of single files
        file = {in_diffusers(name): value
                for name, value in _maybe_map_sgm_blocks_to_diffusers(dict(file), pipeline.unet.config).items()}
    expected = {key[: -len(".lora_up.weight")] for key in file if key.endswith(".lora_up.weight")}
    strays = [key for key in file if key.rsplit(".lora_", 1)[0].removesuffix(".alpha") not in expected]
    if strays:
        fail("keys that belong to no LoRA module:", strays)
    arrived = {}
    models = [("lora_unet_", pipeline.unet), ("lora_te_", pipeline.text_encoder)]
    if isinstance(pipeline, StableDiffusionXLPipeline):
        models[1:] = [("lora_te1_", pipeline.text_encoder), ("lora_te2_", pipeline.text_encoder_2)]
    for prefix, model in models:
        for name, layer in loaded_modules(model).items():
            if prefix.startswith("lora_te") and not name.startswith("text_model."):
                name = "text_model." + name  # newer transformers
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
    pipeline = build_pipeline(state)
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
            more = {}
            if prefix + "pooled" in ours:
                more["added_cond_kwargs"] = {"text_embeds": ours[prefix + "pooled"], "time_ids": ours[prefix + "sizes"]}
            with torch.no_grad():
                theirs = pipeline.unet(ours[prefix + "sample"].float(), ours[prefix + "timesteps"].long(),
                                       ours[prefix + "context"].float(), **more).sample
            error = ((theirs - ours[prefix + "output"].float()).abs().max() / theirs.abs().max()).item()
            print(f"U-Net {prefix or 'output'} {list(theirs.shape)}: largest error / largest value = {error:.2e} "
                  f"(accepted: {options.tolerance:.0e})")
            if not error <= options.tolerance:
                fail("the outputs differ")
    print("check_in_diffusers: passed")


if __name__ == "__main__":
    main()
