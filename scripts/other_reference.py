#!/usr/bin/env python3
"""Makes a reference folder with other names, pictures, sizes and settings: the golden tests take all from the folder.

    scripts/other_reference.py FOLDER [SHIPPED]
    RANKINE_REFERENCE=FOLDER make test

Half of the shipped files are left out. Buckets and crops follow from the formulas of tests/reference/README.md, pixels
from Pillow; the rest are shipped numbers under other names, or numbers that don't depend on what is changed. Needs
Pillow and numpy.
"""
import json
import random
import re
import shutil
import sys
from math import sqrt
from pathlib import Path

import numpy as np
from PIL import Image

RUN_FOLDER, DATA_FOLDER = "03_cat", "holiday/photos"  # 3 repeats of the class "cat", as in 3_cat


def write_safetensors(path, tensors):
    names = {"float32": "F32", "uint8": "U8", "int32": "I32"}
    header, data = {}, b""
    for name, array in tensors.items():
        array = np.ascontiguousarray(array)
        header[name] = {"dtype": names[str(array.dtype)], "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def read_safetensors(path):
    types = {"F32": np.float32, "U8": np.uint8, "I32": np.int32}
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    return {name: np.frombuffer(data[8 + size:][slice(*t["data_offsets"])], types[t["dtype"]]).reshape(t["shape"])
            for name, t in json.loads(data[8:8 + size]).items() if name != "__metadata__"}


def bucket_list(area, low, high, step):
    side = int(sqrt(area) // step) * step
    found = {(side, side)}
    for width in range(low, high + 1, step):
        height = min(high, int((area // width) // step) * step)
        if height >= low:
            found |= {(width, height), (height, width)}
    return sorted(found)


def place(size, buckets):
    """The bucket of a picture, its size before the cut, and the error of the aspect ratio."""
    width, height = size
    ratio = width / height
    bucket = size if size in buckets else min(buckets, key=lambda b: abs(b[0] / b[1] - ratio))
    scale = bucket[1] / height if ratio > bucket[0] / bucket[1] else bucket[0] / width
    return bucket, (int(width * scale + 0.5), int(height * scale + 0.5)), bucket[0] / bucket[1] - ratio


def crop_ltrb(bucket, size):
    ratio = size[0] / size[1]
    fitted = (bucket[1] * ratio, bucket[1]) if bucket[0] / bucket[1] > ratio else (bucket[0], bucket[0] / ratio)
    left, top = (bucket[0] - fitted[0]) // 2, (bucket[1] - fitted[1]) // 2
    return [float(left), float(top), left + fitted[0], top + fitted[1]]


def make_buckets(folder):
    table = []
    settings = [((448, 320), 192, 640, 64), ((256, 256), 128, 512, 32), ((384, 384), 256, 768, 64)]
    for resolution, low, high, step in settings:
        buckets = bucket_list(resolution[0] * resolution[1], low, high, step)
        images = []
        for size in [(333, 500), (1000, 301), (64, 65), (512, 384), (777, 777)]:
            bucket, resized, error = place(size, buckets)
            images.append({"size": size, "bucket": bucket, "resized": resized, "ar_error": error,
                           "crop_ltrb": crop_ltrb(bucket, size)})
        table.append({"resolution": resolution, "min_bucket_reso": low, "max_bucket_reso": high,
                      "bucket_reso_steps": step, "bucket_no_upscale": False, "adjusted_min": low,
                      "adjusted_max": high, "buckets": buckets, "images": images})
    (folder / "buckets.json").write_text(json.dumps(table))


def picture(width, height, channels, seed):
    """Waves and noise: alpha is never 0, so that Pillow's division by it is defined everywhere."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 90 * np.sin((x * (c + 2) + y * (3 - c) * 2) / 17.0 + c) for c in range(channels)]
    pixels = np.stack(planes, -1) + rng.normal(0, 12, (height, width, channels))
    return Image.fromarray(np.clip(pixels, 1, 255).astype(np.uint8), "RGB" if channels == 3 else "RGBA")


def resample(image, size, kernel):
    """Rows first, then columns, as recorded: Pillow 13 itself takes columns first where that side shrinks much more."""
    if image.mode == "RGBA":  # would be multiplied by alpha twice
        return image.resize(size, kernel)
    return image.resize((size[0], image.size[1]), kernel).resize(size, kernel)


def make_pictures(folder):
    (folder / "images").mkdir()
    pictures = {"meadow.png": picture(151, 97, 3, 1), "tall one.png": picture(70, 190, 3, 2),
                "glass.png": picture(111, 120, 4, 3), "left_out.png": picture(64, 64, 3, 4)}
    table, tensors = [], {}
    filters = {"lanczos": Image.Resampling.LANCZOS, "box": Image.Resampling.BOX}
    for name, image in pictures.items():
        if name != "left_out.png":
            image.save(folder / "images" / name)
        for number, (resolution, low, high, step) in enumerate([((192, 128), 64, 320, 64), ((96, 96), 32, 160, 32)]):
            bucket, resized, _ = place(image.size, bucket_list(resolution[0] * resolution[1], low, high, step))
            left, top = (resized[0] - bucket[0]) // 2, (resized[1] - bucket[1]) // 2
            grows = resized[0] > image.size[0] or resized[1] > image.size[1]
            for interpolation in ["lanczos", "box"] + [None] * grows:
                key = f"{name}.set{number}.{interpolation}"
                out = resample(image, resized, filters[interpolation or "lanczos"])
                pixels = np.asarray(out)[top:top + bucket[1], left:left + bucket[0]]
                tensors[key] = pixels
                table.append({"key": key, "file": name, "resolution": resolution, "min": low, "max": high,
                              "steps": step, "no_upscale": False, "interpolation": interpolation,
                              "alpha": image.mode == "RGBA", "bucket": bucket, "resized": resized,
                              "original_size": image.size, "crop_ltrb": crop_ltrb(bucket, image.size)})
                if number == 0 and interpolation == "box":
                    chw = ((pixels[..., :3].astype(np.float32) / 255 - 0.5) / 0.5).transpose(2, 0, 1)
                    tensors[key + ".float_chw"], tensors[key + ".float_chw_flipped"] = chw, chw[:, :, ::-1]
    (folder / "preprocess.json").write_text(json.dumps(table))
    write_safetensors(folder / "preprocess.safetensors", tensors)


def make_caches(folder, shipped):
    """The shipped picture, enlarged as it was, with borders that its bucket cuts away: the latents stay the same."""
    (folder / "caches").mkdir()
    middle = read_safetensors(shipped / "preprocess.safetensors")["rgba_square.png.s0.default"]
    border = np.random.default_rng(5).integers(0, 256, (middle.shape[0], 20, 4), dtype=np.uint8)
    pixels = np.concatenate([border, middle, border], 1)
    Image.fromarray(pixels, "RGBA").save(folder / "images" / "framed.png")
    entry = dict(json.loads((shipped / "caches.json").read_text())[0])
    size, bucket = (pixels.shape[1], pixels.shape[0]), tuple(entry["bucket"])
    arrays = dict(np.load(shipped / "caches" / entry["file"]))
    arrays["original_size"] = np.array(size, np.int64)
    arrays["crop_ltrb"] = np.array(crop_ltrb(bucket, size))
    noise = read_safetensors(shipped / "caches" / "vae_noise.safetensors")
    name = f"framed_{size[0]:04}x{size[1]:04}_sd.npz"
    np.savez(folder / "caches" / name, **arrays)
    write_safetensors(folder / "caches" / "vae_noise.safetensors",
                      {name + end: noise[entry["file"] + end] for end in (".noise", ".noise_flipped")})
    entry.update(file=name, image="framed.png")
    lost = dict(entry, file="lost_0100x0200_sd.npz", image="lost.png")
    (folder / "caches.json").write_text(json.dumps([entry, lost]))


def make_cases(folder, shipped):
    """Gradients and trajectories under other names, in another order, half of them without their tensors."""
    for table in ("gradients.json", "trajectories.json"):
        cases = list(json.loads((shipped / table).read_text()).items())
        random.Random(7).shuffle(cases)
        renamed = {}
        for number, (name, case) in enumerate(cases):
            new_name = f"{name.split('.')[0]}.case_{number}_of_{table.split('.')[0]}"
            renamed[new_name] = case
            tensors = shipped / f"{name}.safetensors"
            if number % 2 == 0 and tensors.exists():
                shutil.copy(tensors, folder / f"{new_name}.safetensors")
        (folder / table).write_text(json.dumps(renamed))


def make_runs(folder, shipped):
    """The recorded runs with other folders, and one of them with --network_args."""
    shutil.copytree(shipped / "dataset", folder / "dataset")
    (folder / "dataset" / "3_cat").rename(folder / "dataset" / RUN_FOLDER)
    for file in (folder / "dataset" / "dataset.toml", shipped / "dataset.json", shipped / "e2e_metadata.json"):
        text = re.sub(r"\b3_cat", RUN_FOLDER, file.read_text())
        (folder / "dataset" / "dataset.toml" if file.suffix == ".toml" else folder / file.name).write_text(text)
    runs = json.loads((folder / "e2e_metadata.json").read_text())
    run = runs.pop("tiny-sd15.folders")
    run["argv"] = [DATA_FOLDER if word == "pics" else word for word in run["argv"]]
    run["argv"] += ["--network_args", "rank_dropout=0.1", "module_dropout=0.2"]
    run["metadata"]["ss_network_args"] = json.dumps(
        {"rank_dropout": "0.1", "module_dropout": "0.2", "dropout": None})  # sd-scripts adds --network_dropout
    run["metadata"]["ss_training_comment"] = "another run"
    run["argv"][run["argv"].index("--training_comment") + 1] = "another run"
    runs["tiny-sd15.holiday"] = run
    (folder / "e2e_metadata.json").write_text(json.dumps(runs))


def main():
    folder = Path(sys.argv[1])
    shipped = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent.parent / "tests" / "reference"
    folder.mkdir(parents=True)
    for name in ("manifest.json", "layout_tiny-sd15.json", "layout_tiny-sdxl.json", "captions.json",
                 "losses.safetensors", "tiny-sd15.text.safetensors", "tiny-sd15.vae.safetensors"):
        shutil.copy(shipped / name, folder / name)
    schedules = json.loads((shipped / "lr_schedules.json").read_text())
    (folder / "lr_schedules.json").write_text(json.dumps(schedules[::-2]))
    make_buckets(folder)
    make_pictures(folder)
    make_caches(folder, shipped)
    make_cases(folder, shipped)
    make_runs(folder, shipped)


if __name__ == "__main__":
    main()
