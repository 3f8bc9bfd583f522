"""Trains the small model's U-Net and text encoder on encoded pictures.

    train_unet.py FOLDER     needs FOLDER/vae.pt; goes on where FOLDER/unet.pt stands; leaves FOLDER/unet.log and
                             FOLDER/unet_STEP.png
"""
from __future__ import annotations

import copy
import gzip
import json
import math
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

import world
from train_vae import as_batch, make_vae, resume, save_grid, write_state

WIDTHS = (64, 96, 128, 96)
TEXT_WIDTH, TEXT_LAYERS = 128, 3
PICTURES = int(os.environ.get("PRETRAIN_PICTURES", 24000))
STEPS = int(os.environ.get("PRETRAIN_STEPS", 10000))
DECAY_STEPS = STEPS // 4
BATCH = 32
RATE, WARMUP = 7e-4, 300
SEED = 2
SCALE = 0.18215       # of SD 1.x
SCHEDULE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
                set_alpha_to_one=False, steps_offset=1)
PROMPTS = ("a fox on a blue background", "an apple on a striped green background", "a large robot on a pink background",
           "a small car on the left on a white background", "a penguin", "a lion above a pizza on a yellow background",
           "a gem right of a pumpkin on a black background", "a checked purple background with a snowman",
           "a unicorn at the top on a gradient orange background", "hamburger", "a whale and a heart on a gray background",
           "a sunflower on a dotted red background")


def make_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(sample_size=16, in_channels=4, out_channels=4, block_out_channels=WIDTHS,
                                layers_per_block=2, attention_head_dim=8, cross_attention_dim=TEXT_WIDTH)


def make_text_encoder() -> CLIPTextModel:
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=49408, hidden_size=TEXT_WIDTH, intermediate_size=4 * TEXT_WIDTH, num_hidden_layers=TEXT_LAYERS,
        num_attention_heads=TEXT_WIDTH // 64, max_position_embeddings=77, hidden_act="quick_gelu", bos_token_id=49406,
        eos_token_id=49407, pad_token_id=49407, projection_dim=TEXT_WIDTH))


def make_tokenizer(folder: Path) -> CLIPTokenizer:
    """CLIP's own, from the merges that the program carries."""
    with gzip.open(Path(__file__).parents[2] / "assets/clip_merges.txt.gz", "rt", encoding="utf-8") as file:
        merges = file.read().splitlines()
    letters = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    letters = [chr(code) for code in letters] + [chr(256 + i) for i in range(256 - len(letters))]
    words = letters + [letter + "</w>" for letter in letters] + ["".join(merge.split()) for merge in merges]
    words += ["<|startoftext|>", "<|endoftext|>"]
    assert len(words) == 49408
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))


def token_ids(tokenizer: CLIPTokenizer, texts: list[str]) -> torch.Tensor:
    return tokenizer(texts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids


def scene_of(index: int) -> world.Scene:
    return world.make_scene(np.random.default_rng((SEED, index)))


def caption_of(index: int, visit: int) -> str:
    """Another wording of the same picture at each visit; one in ten is empty, for classifier-free guidance."""
    random = np.random.default_rng((SEED, index, visit))
    return "" if random.random() < 0.1 else world.caption(scene_of(index), random)


def picture_of(index: int) -> np.ndarray:
    random = np.random.default_rng((SEED, index))
    return np.asarray(world.draw(world.make_scene(random), random))


def normalised(vae: AutoencoderKL) -> AutoencoderKL:
    """The same autoencoder whose latents, times SCALE, have mean 0 and variance 1 in each channel."""
    if getattr(vae, "is_normalised", False):
        return vae
    x = as_batch(np.stack([world.sample(SEED, i)[0] for i in range(512)]))
    with torch.no_grad():
        latents = torch.cat([vae.encode(part).latent_dist.mean for part in x.split(16)])
        mean, gain = latents.mean((0, 2, 3)), 1 / (SCALE * latents.std((0, 2, 3)))
        into, out = vae.quant_conv, vae.post_quant_conv
        out.bias += (out.weight[:, :, 0, 0] @ mean)
        out.weight /= gain[None, :, None, None]
        into.weight[:4] *= gain[:, None, None, None]
        into.bias[:4] = (into.bias[:4] - mean) * gain
        into.bias[4:] += 2 * gain.log()
    vae.is_normalised = True
    return vae


def load_vae(folder: Path) -> AutoencoderKL:
    vae = make_vae()
    vae.load_state_dict(torch.load(folder / "vae.pt")["average"])
    return normalised(vae.eval().requires_grad_(False))


@torch.no_grad()
def encoded(folder: Path) -> np.ndarray:
    """f16 [PICTURES, 4, 16, 16], kept in FOLDER/latents.npy; goes on where the file ends."""
    path = folder / "latents.npy"
    done = np.load(path) if path.exists() else np.zeros((0, 4, 16, 16), np.float16)
    if len(done) >= PICTURES:
        return done[:PICTURES]
    vae, parts = load_vae(folder), [done]
    with ProcessPoolExecutor(1) as pool:
        pictures = pool.map(picture_of, range(len(done), PICTURES), chunksize=32)
        while sum(map(len, parts)) < PICTURES:
            x = as_batch(np.stack([next(pictures) for _ in range(16)])).to(memory_format=torch.channels_last)
            parts.append((vae.encode(x).latent_dist.mean * SCALE).to(torch.float16).numpy())
            if len(parts) % 100 == 0:
                print(f"{sum(map(len, parts))} of {PICTURES} pictures encoded", flush=True)
    latents = np.concatenate(parts)[:PICTURES]
    np.save(folder / "latents.part.npy", latents)
    (folder / "latents.part.npy").rename(path)
    return latents


def rate_at(step: int) -> float:
    """Warm-up, constant, then down to zero: the end can be moved by training on from a state before the decay."""
    return RATE * min(1, (step + 1) / WARMUP) * min(1, max(0.02, (STEPS - step) / DECAY_STEPS))


@torch.no_grad()
def draw(unet, text, vae, tokenizer, prompts, guidance: float = 4.0, steps: int = 25, seed: int = 0) -> torch.Tensor:
    """Pictures [N, 3, 128, 128] in [-1, 1]; DDIM."""
    scheduler = DDIMScheduler(num_train_timesteps=1000, **SCHEDULE)
    scheduler.set_timesteps(steps)
    states = text(token_ids(tokenizer, list(prompts) + [""] * len(prompts))).last_hidden_state
    x = torch.randn((len(prompts), 4, 16, 16), generator=torch.Generator().manual_seed(seed))
    for t in scheduler.timesteps:
        with_text, without = unet(torch.cat([x, x]), t, states).sample.chunk(2)
        x = scheduler.step(without + guidance * (with_text - without), t, x).prev_sample
    return torch.cat([vae.decode(part / SCALE).sample for part in x.split(8)])


def train(folder: Path) -> None:
    latents = encoded(folder)
    tokenizer, vae = make_tokenizer(folder), load_vae(folder)
    torch.manual_seed(SEED)
    unet, text = make_unet().to(memory_format=torch.channels_last), make_text_encoder()
    models = torch.nn.ModuleDict({"unet": unet, "text": text})
    average = copy.deepcopy(models)
    alphas = DDIMScheduler(num_train_timesteps=1000, **SCHEDULE).alphas_cumprod
    weights = (alphas / (1 - alphas)).clamp(max=5) / (alphas / (1 - alphas))  # min-SNR-5
    optimizer = torch.optim.AdamW(models.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    path = folder / "unet.pt"
    step = resume(path, models, average, optimizer)
    log, seen, began = open(folder / "unet.log", "a"), 0.0, time.time()
    while step < STEPS:
        visit, place = divmod(step * BATCH, PICTURES)
        order = np.random.default_rng((SEED, visit)).permutation(PICTURES)
        chosen = order[place:place + BATCH]
        ids = token_ids(tokenizer, [caption_of(int(i), visit) for i in chosen])
        x = torch.from_numpy(latents[chosen]).float()
        generator = torch.Generator().manual_seed(SEED * 1_000_003 + step)
        noise = torch.randn(x.shape, generator=generator)
        t = torch.randint(0, 1000, (len(x),), generator=generator)
        a = alphas[t][:, None, None, None]
        noisy = (a.sqrt() * x + (1 - a).sqrt() * noise).to(memory_format=torch.channels_last)
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step)
        predicted = unet(noisy, t, text(ids).last_hidden_state).sample
        squares = (predicted - noise).square().mean((1, 2, 3))
        (squares * weights[t]).mean().backward()
        torch.nn.utils.clip_grad_norm_(models.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        with torch.no_grad():
            keep = min(0.9995, (step + 1) / (step + 20))
            torch._foreach_lerp_(list(average.parameters()), list(models.parameters()), 1 - keep)
        mean = squares.mean().item()
        seen = mean if seen == 0 else 0.99 * seen + 0.01 * mean
        if step % 50 == 0:
            print(f"{step} loss {seen:.4f}, {time.time() - began:.0f} s", file=log, flush=True)
        if step % 500 == 0 or step == STEPS:
            save_grid(draw(average["unet"], average["text"], vae, tokenizer, PROMPTS), 6, folder / f"unet_{step:06}.png")
            write_state(path, step, models, average, optimizer)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(2)
    train(Path(sys.argv[1]))
