#!/usr/bin/env python3
"""Writes free photographs with captions into a training folder, for measurements with real pictures.

The pictures ship inside PyPI's scikit-image package, so nothing is downloaded beyond it:

    pip install scikit-image
    scripts/photographs.py out/photographs            # ten, as they are, in out/photographs/1_photo
    scripts/photographs.py --side 256 --count 8 DIR   # eight, at most 256 pixels a side, as JPEG

A README with every picture's licence is written beside them.
"""
import argparse
import pathlib

import numpy as np
import skimage.data
from PIL import Image

# Name in skimage.data, caption, licence as scikit-image's documentation gives it.
PHOTOGRAPHS = [
    ("astronaut", "a photo of a smiling astronaut in an orange suit, flag, portrait",
     "NASA, photograph of Eileen Collins; no known copyright restrictions, public domain"),
    ("chelsea", "a photo of a tabby cat, close-up, looking at the camera", "CC0, Stefan van der Walt"),
    ("coffee", "a photo of a cup of coffee on a wooden table, spoon", "CC0, Rachel Michetti, courtesy of Pikolo Espresso Bar"),
    ("rocket", "a photo of a rocket on its launch pad, dusk", "SpaceX, released into the public domain"),
    ("hubble_deep_field", "a photo of many galaxies in deep space, stars, black background", "NASA, public domain"),
    ("brick", "a photo of a brick wall, texture, greyscale", "CC0, CC0Textures"),
    ("grass", "a photo of grass, texture, greyscale", "CC0, Linolafett (linolafett.deviantart.com)"),
    ("gravel", "a photo of gravel, texture, greyscale", "CC0, CC0Textures"),
    ("camera", "a photo of a man with a camera on a tripod, greyscale", "CC0, Lav Varshney"),
    ("retina", "a photo of a retina, fundus, medical", "CC0, Mikael Häggström"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=len(PHOTOGRAPHS), help="how many of the ten")
    parser.add_argument("--repeats", type=int, default=1, help="the N of the subfolder N_photo")
    parser.add_argument("--side", type=int, help="make the longer side at most this many pixels and write JPEG, not PNG")
    options = parser.parse_args()

    pictures = options.folder / f"{options.repeats}_photo"
    pictures.mkdir(parents=True, exist_ok=True)
    lines = ["# Photographs", "", f"From scikit-image {skimage.__version__} (`skimage.data`), which gives these licences:", ""]
    for name, caption, licence in PHOTOGRAPHS[: options.count]:
        image = Image.fromarray(np.asarray(getattr(skimage.data, name)())).convert("RGB")
        if options.side:
            image.thumbnail((options.side, options.side), Image.LANCZOS)
            file = pictures / f"{name}.jpg"
            image.save(file, quality=88)
        else:
            file = pictures / f"{name}.png"
            image.save(file)
        file.with_suffix(".txt").write_text(caption + "\n", encoding="utf-8")
        lines.append(f"- `{file.name}`: {licence}")
    (options.folder / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{min(options.count, len(PHOTOGRAPHS))} photographs in {pictures}, their licences in {options.folder / 'README.md'}")


if __name__ == "__main__":
    main()
