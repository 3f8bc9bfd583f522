"""Tells which things a picture shows, by a plain measure.

Every emoji of the world is laid over the picture at several sizes and at every place. Its gain is the squared error that
it takes away: that of the background's colour under the emoji's mask, less that of the emoji. The emoji with the
largest gain is what is seen; for a second thing the first is painted over with the background's colour. The
background's colour is the median along the picture's edge, and named after the nearest of the world's colours.

    recognise.py SEED [COUNT]     how often the world's own pictures are recognised: the measure's limit
"""
from __future__ import annotations

import functools
import sys
from dataclasses import dataclass

import numpy as np

import world

SIZES = tuple(range(38, 105, 6))


@dataclass
class Template:
    name: str
    size: int
    mask: np.ndarray     # [h, w], 0 to 1
    pixels: np.ndarray   # [h, w, 3], 0 to 1
    spectrum: np.ndarray  # of the mask and of the masked pixels, padded to the picture, conjugated


@functools.cache
def templates(names: tuple[str, ...]) -> list[Template]:
    found = []
    for name in names:
        for size in SIZES:
            pixels = np.asarray(world.scaled(name, size), float) / 255
            mask, inside = pixels[..., 3], pixels[..., :3]
            padded = np.zeros((world.SIZE, world.SIZE, 4))
            padded[:mask.shape[0], :mask.shape[1], 0] = mask
            padded[:mask.shape[0], :mask.shape[1], 1:] = inside * mask[..., None]
            found.append(Template(name, size, mask, inside, np.conj(np.fft.rfft2(padded, axes=(0, 1)))))
    return found


def edge_colour(picture: np.ndarray) -> np.ndarray:
    edge = np.concatenate([picture[:6].reshape(-1, 3), picture[-6:].reshape(-1, 3), picture[:, :6].reshape(-1, 3),
                           picture[:, -6:].reshape(-1, 3)])
    return np.median(edge, 0)


def gains(picture: np.ndarray, names: tuple[str, ...]) -> dict[str, tuple[float, Template, tuple[int, int]]]:
    """By name: the largest gain in a uint8 picture [128, 128, 3], with the template and its corner (y, x)."""
    x, ground = picture.astype(float) / 255, edge_colour(picture) / 255
    spectra = np.fft.rfft2(x, axes=(0, 1))
    best: dict[str, tuple[float, Template, tuple[int, int]]] = {}
    for t in templates(names):
        fits = slice(0, world.SIZE - t.mask.shape[0] + 1), slice(0, world.SIZE - t.mask.shape[1] + 1)
        # Sum over the mask of (p - ground)^2 - (p - emoji)^2: linear in the picture p.
        linear = (spectra * (t.spectrum[..., 1:] - ground * t.spectrum[..., :1])).sum(2)
        constant = ((ground ** 2 - t.pixels ** 2) * t.mask[..., None]).sum()
        gain = 2 * np.fft.irfft2(linear, (world.SIZE, world.SIZE))[fits] + constant
        place = np.unravel_index(gain.argmax(), gain.shape)
        if t.name not in best or gain[place] > best[t.name][0]:
            best[t.name] = (float(gain[place]), t, (int(place[0]), int(place[1])))
    return best


def seen(picture: np.ndarray, count: int, names: tuple[str, ...] = tuple(world.EMOJI)) -> list[str]:
    """The `count` things that explain the picture best, one after the other."""
    picture, found = picture.astype(float), []
    ground = edge_colour(picture)
    for _ in range(count):
        all_gains = gains(picture, tuple(name for name in names if name not in found))
        name = max(all_gains, key=lambda name: all_gains[name][0])
        _, t, (y, x) = all_gains[name]
        found.append(name)
        under = picture[y:y + t.mask.shape[0], x:x + t.mask.shape[1]]
        under += (ground - under) * t.mask[..., None]
    return found


def ground_name(picture: np.ndarray) -> str:
    middle = edge_colour(picture)
    return min(world.COLOURS, key=lambda name: ((middle - np.array(world.COLOURS[name])) ** 2).sum())


def _main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    seed, count = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) == 3 else 24
    things, grounds = {1: [], 2: []}, []
    for index in range(count):
        picture, _, scene = world.sample(seed, index)
        names = {thing.name for thing in scene.things}
        things[len(names)].append(set(seen(picture, len(names))) == names)
        grounds.append(ground_name(picture) == scene.colour)
    for number, right in things.items():
        print(f"{number} thing(s): {sum(right)} of {len(right)}")
    print(f"background: {sum(grounds)} of {count}")


if __name__ == "__main__":
    _main()
