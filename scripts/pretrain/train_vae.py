"""Trains the small model's autoencoder: on crops of 64 x 64 around things, as it is convolutional, and on every other
step on whole pictures, whose statistics its group norms must know; in the last steps on these alone.

    train_vae.py FOLDER     goes on where FOLDER/vae.pt stands; leaves FOLDER/vae.log and FOLDER/vae_STEP.png
"""
from __future__ import annotations

import copy
import math
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

import world

WIDTHS = (32, 32, 64, 96)
BATCH, WHOLE_BATCH = 16, 4
STEPS = int(os.environ.get("PRETRAIN_VAE_STEPS", 12000))
RATE, LAST_RATE, WARMUP = 1.5e-3, 5e-5, 100
SEED = 1


def make_vae() -> AutoencoderKL:
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=WIDTHS, layers_per_block=2,
        norm_num_groups=32, sample_size=world.SIZE, down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4)


def as_batch(pictures: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def crop_of(index: int) -> np.ndarray:
    """64 x 64 pixels of a picture, mostly around one of its things."""
    picture, _, scene = world.sample(SEED, index, two=0.4)
    random = np.random.default_rng((SEED, index, 1))
    corner = random.integers(0, world.SIZE - 63, 2)
    if random.random() < 0.85:
        thing = scene.things[random.integers(len(scene.things))]
        reach = max(8, thing.size // 2 - 8)
        corner = np.array(thing.centre) - 32 + random.integers(-reach, reach + 1, 2)
    x, y = np.clip(corner, 0, world.SIZE - 64)
    return picture[y:y + 64, x:x + 64]


def picture_of(index: int) -> np.ndarray:
    return world.sample(SEED, index, two=0.4)[0]


def batch_of(step: int) -> np.ndarray:
    first = step * BATCH
    if step % 2 == 0 and step < STEPS * 0.9:
        return np.stack([crop_of(first + i) for i in range(BATCH)])
    return np.stack([picture_of(first + i) for i in range(WHOLE_BATCH)])


def rate_at(step: int) -> float:
    done = step / STEPS
    return min(1, (step + 1) / WARMUP) * (LAST_RATE + (RATE - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * done)))


def edges(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]


def loss_of(vae: AutoencoderKL, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    posterior = vae.encode(x).latent_dist
    y = vae.decode(posterior.sample()).sample
    squares = (y - x).square().mean()
    sharpness = sum((a - b).abs().mean() for a, b in zip(edges(y), edges(x)))
    divergence = 0.5 * (posterior.mean.square() + posterior.var - 1 - posterior.logvar).mean()
    return 4 * squares + (y - x).abs().mean() + 0.5 * sharpness + 1e-4 * divergence, squares


@torch.no_grad()
def test(vae: AutoencoderKL, count: int = 48) -> tuple[float, torch.Tensor]:
    """The mean PSNR in dB over held-out pictures, and the first of them above their reconstructions."""
    x = as_batch(np.stack([world.sample(SEED + 1000, i)[0] for i in range(count)]))
    y = torch.cat([vae.decode(vae.encode(part).latent_dist.mean).sample.clamp(-1, 1) for part in x.split(8)])
    squares = ((x - y) / 2).square().mean((1, 2, 3))
    return float((-10 * squares.log10()).mean()), torch.cat([x[:12], y[:12]])


def save_grid(rows: torch.Tensor, across: int, path: Path) -> None:
    from PIL import Image
    pictures = ((rows.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    lines = [np.concatenate(list(pictures[i:i + across]), axis=1) for i in range(0, len(pictures), across)]
    Image.fromarray(np.concatenate(lines)).save(path)


def write_state(path: Path, step: int, trained, average, optimizer) -> None:
    torch.save({"step": step, "trained": trained.state_dict(), "average": average.state_dict(),
                "optimizer": optimizer.state_dict()}, path.with_suffix(".part"))
    path.with_suffix(".part").rename(path)


def resume(path: Path, trained, average, optimizer) -> int:
    """Loads the state that write_state left, and returns its step; 0 where there is none."""
    if not path.exists():
        return 0
    state = torch.load(path)
    trained.load_state_dict(state["trained"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"]


def train(folder: Path) -> None:
    torch.manual_seed(SEED)
    vae = make_vae().to(memory_format=torch.channels_last)
    average = copy.deepcopy(vae)
    optimizer = torch.optim.AdamW(vae.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    path = folder / "vae.pt"
    step = resume(path, vae, average, optimizer)
    log = open(folder / "vae.log", "a")
    seen, began = 0.0, time.time()
    with ProcessPoolExecutor(1) as pool:
        ahead = [pool.submit(batch_of, step + i) for i in range(6)]
        while step < STEPS:
            x = as_batch(ahead.pop(0).result()).to(memory_format=torch.channels_last)
            ahead.append(pool.submit(batch_of, step + 6))
            for group in optimizer.param_groups:
                group["lr"] = rate_at(step)
            torch.manual_seed(SEED * 1_000_003 + step)
            loss, squares = loss_of(vae, x)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            with torch.no_grad():
                keep = min(0.999, (step + 1) / (step + 20))
                for a, b in zip(average.parameters(), vae.parameters()):
                    a.lerp_(b, 1 - keep)
            seen = squares.item() if seen == 0 else 0.98 * seen + 0.02 * squares.item()
            if step % 50 == 0:
                print(f"{step} {-10 * math.log10(seen / 4):.2f} dB in training, {time.time() - began:.0f} s", file=log,
                      flush=True)
            if step % 400 == 0 or step == STEPS:
                quality, rows = test(average)
                print(f"{step} held out: {quality:.2f} dB", file=log, flush=True)
                save_grid(rows, 12, folder / f"vae_{step:05}.png")
                write_state(path, step, vae, average, optimizer)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    train(Path(sys.argv[1]))
