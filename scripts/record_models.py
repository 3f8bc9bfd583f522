#!/usr/bin/env python3
"""Records a reference folder of SD 2.x and SDXL models with other widths and seeds, computed by diffusers and
transformers: the golden tests of models take all from the folder.

    pip install torch diffusers peft transformers safetensors
    make build && scripts/record_models.py FOLDER
    RANKINE_REFERENCE=FOLDER build/release/tests/test_golden --source-file='*models_test*'

The folder has a layout, the outputs of text encoders, U-Net and autoencoder of each model, and the manifest with the
seed of their weights; tests/reference/README.md describes the files. Token ids are those of the shipped folder.
"""
import json
import subprocess
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from safetensors.torch import load_file, save_file

import check_in_diffusers as models

ROOT = Path(__file__).resolve().parent.parent
SEED = 5
MODELS = {
    "tiny-sd21": ("sd2", "unet=128,192,256,256 vae=64,96,96,128 text_width=256 text_layers=2 open_clip=1"),
    "tiny-sdxl": ("sdxl", "unet=128,192,320 depths=0,1,2 middle_depth=2 vae=64,64,96,96 text_width=192 text_layers=4 "
                          "text_2_width=256 text_2_layers=3"),
}
FIRST_EOS = 49407


def joined(states, chunks):
    """[b * n, 77, D] -> [b, 77 or 75 n + 2, D]: the first BOS, the inner states, the last state of all."""
    width = states.shape[-1]
    states = states.reshape(-1, chunks, 77, width)
    if chunks == 1:
        return states[:, 0]
    inner = [states[:, k, 1:76] for k in range(chunks)]
    return torch.cat([states[:, 0, :1], *inner, states[:, -1, -1:]], 1)


def hidden(encoder, ids, from_end):
    return encoder(ids.reshape(-1, 77).long(), output_hidden_states=True).hidden_states[-from_end]


def final_norm(encoder, states):
    return getattr(encoder, "text_model", encoder).final_layer_norm(states)


def record_text(state, shipped):
    out = {}
    for length in ("len77", "len225"):
        ids = shipped[f"{length}.ids1"]
        chunks = ids.shape[1]
        out[f"{length}.ids1"] = ids
        if models.has(state, models.OPEN_CLIP_2):
            first = models.build_text_encoder(
                {name[len(models.CLIP_1):]: value for name, value in state.items() if name.startswith(models.CLIP_1)},
                "quick_gelu")
            second = models.build_text_encoder(models.from_open_clip(state, models.OPEN_CLIP_2), "gelu")
            ids_2 = shipped[f"{length}.ids2"]
            out[f"{length}.ids2"] = ids_2
            out[f"{length}.hidden1"] = joined(hidden(first, ids, 2), chunks)
            out[f"{length}.hidden2"] = joined(hidden(second, ids_2, 2), chunks)
            normed = final_norm(second, hidden(second, ids_2, 1))
            flat = ids_2.reshape(-1, 77)
            at_end = normed[torch.arange(len(flat)), (flat == FIRST_EOS).int().argmax(1)]
            # As sd-scripts does: the checkpoint's matrix as the weight of a linear layer.
            out[f"{length}.pooled"] = (at_end @ state[models.OPEN_CLIP_2 + "text_projection"].T)[::chunks]
        else:
            encoder = models.build_text_encoder(models.from_open_clip(state, models.OPEN_CLIP), "gelu")
            for skip in (None, 2):  # the file's last layer is left out
                out[f"{length}.skip{skip}.hidden"] = joined(final_norm(encoder, hidden(encoder, ids, 1 + (skip or 1))), chunks)
    return out


def record_unet(state):
    unet, out = models.build_unet(state), {}
    for case, (batch, height, width, tokens) in enumerate([(2, 16, 16, 77), (1, 24, 8, 227)]):
        name = f"case{case}."
        sample = torch.randn(batch, 4, height, width)
        timesteps = torch.randint(0, 1000, (batch,))
        context = torch.randn(batch, tokens, unet.config.cross_attention_dim)
        out |= {name + "sample": sample, name + "timesteps": timesteps.int(), name + "context": context}
        more = {}
        if unet.config.addition_embed_type:
            pooled = torch.randn(batch, unet.config.projection_class_embeddings_input_dim - 6 * 256)
            sizes = torch.randint(0, 1024, (batch, 6))
            out |= {name + "pooled": pooled, name + "sizes": sizes.int()}
            more["added_cond_kwargs"] = {"text_embeds": pooled, "time_ids": sizes}
        out[name + "output"] = unet(sample, timesteps, context, **more).sample
    return out


def record_vae(state):
    prefix = "first_stage_model."
    widths = [state[f"{prefix}encoder.down.{n}.block.1.conv2.weight"].shape[0] for n in range(4)]
    vae = AutoencoderKL(block_out_channels=widths, layers_per_block=2, latent_channels=4,
                        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)
    own = {name: value for name, value in state.items() if name.startswith(prefix)}
    vae.load_state_dict(convert_ldm_vae_checkpoint(own, dict(vae.config)), strict=True)
    vae.eval()
    image, latent = torch.rand(2, 3, 64, 96) * 2 - 1, torch.randn(1, 4, 12, 8)
    encoded = vae.encode(image).latent_dist
    return {"enc0.image": image, "enc0.mean": encoded.mean, "enc0.logvar": encoded.logvar, "dec0.latent": latent,
            "dec0.image": vae.decode(latent).sample}


@torch.no_grad()
def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder, tools = Path(sys.argv[1]), ROOT / "build/release"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"checkpoint_seed": SEED, "lora_seed": 11}))
    for name, (kind, widths) in MODELS.items():
        torch.manual_seed(SEED)
        layout, checkpoint = folder / f"layout_{name}.json", folder / "checkpoint.safetensors"
        subprocess.run([tools / "tests/layout_file", layout, name, kind, *widths.split()], check=True)
        subprocess.run([tools / "rankine", "checkpoint", "synth", "--layout", layout, "--seed", str(SEED), checkpoint],
                       check=True)
        state = {key: value.float() for key, value in load_file(checkpoint).items()}
        checkpoint.unlink()
        shipped = load_file(ROOT / f"tests/reference/{name}.text.safetensors")
        parts = {"text": record_text(state, shipped), "vae": record_vae(state), "unet": record_unet(state)}
        for part, tensors in parts.items():
            save_file({key: value.contiguous() for key, value in tensors.items()}, folder / f"{name}.{part}.safetensors")


if __name__ == "__main__":
    main()
