#!/usr/bin/env python3
"""Writes tests/io/pictures.json: pictures of every kind, and the pixels that Pillow reads from them.

sd-scripts opens pictures with Pillow and converts them to RGB, or to RGBA for alpha_mask. The tests need neither
Python nor Pillow: they read the table. Make it anew with: pip install pillow numpy; tests/io/picture_table.py
"""
import base64
import io
import json
import os
import struct
import sys
import warnings
import zlib

import numpy as np
from PIL import Image, ImageCms

WIDTH, HEIGHT = 13, 6
warnings.simplefilter("ignore")
random = np.random.default_rng(15)
table = []


def add(name, data, bits=8, orientation=1, key=None, samples=None):
    """Adds a picture with Pillow's pixels.

    With a transparent colour `key` of PNG samples, alpha is what the PNG standard says: Pillow compares the key of 2, 4
    or 16 bits with samples of 8. Grey of 16 bits has its high byte: Pillow makes all above 255 white.
    """
    picture = Image.open(io.BytesIO(data))
    entry = {"name": name, "file": base64.b64encode(data).decode(), "width": picture.width, "height": picture.height}
    entry["has_alpha"] = "A" in picture.getbands() or "transparency" in picture.info
    if picture.format == "BMP" and picture.mode == "RGBA":
        entry["has_alpha"] = True
    entry["bits"] = bits
    entry["orientation"] = orientation
    rgb = picture if picture.mode == "RGB" else picture.convert("RGB")
    if bits == 16 and picture.mode == "I;16":
        rgb = np.repeat((samples >> 8)[..., None], 3, 2)
    entry["rgb"] = np.array(rgb, np.uint8).tobytes().hex()
    alpha = np.array(picture.convert("RGBA"), np.uint8)[..., 3]
    if key is not None:
        pixels = samples.reshape(picture.height, picture.width, -1)
        alpha = np.where((pixels == np.array(key)).all(-1), 0, 255).astype(np.uint8)
    if (alpha != 255).any():
        entry["alpha"] = alpha.tobytes().hex()
    table.append(entry)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def packed_rows(samples, bits):
    """The rows of [height, width * channels] samples, each with the filter byte 0 before it."""
    rows = b""
    for line in samples:
        if bits == 16:
            packed = line.astype(">u2").tobytes()
        elif bits == 8:
            packed = line.astype(np.uint8).tobytes()
        else:
            lone = ((line[:, None] >> np.arange(bits - 1, -1, -1)) & 1).reshape(-1)
            packed = np.packbits(lone.astype(np.uint8)).tobytes()
        rows += b"\0" + packed
    return rows


def adam7(samples, channels):
    """The seven reduced pictures of PNG's interlacing."""
    pixels = samples.reshape(samples.shape[0], -1, channels)
    for x, y, dx, dy in [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
                         (0, 1, 1, 2)]:
        part = pixels[y::dy, x::dx]
        if part.size:
            yield part.reshape(part.shape[0], -1)


def png(bits, color_type, before=b"", interlaced=False, samples=None, palette_size=None):
    channels = CHANNELS[color_type]
    most = 2**bits if color_type != 3 else min(2**bits, palette_size or 2**bits)
    if samples is None:
        samples = random.integers(0, most, (HEIGHT, WIDTH * channels))
    height, width = samples.shape[0], samples.shape[1] // channels
    parts = adam7(samples, channels) if interlaced else [samples]
    rows = b"".join(packed_rows(part, bits) for part in parts)
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(rows, 9)) +
            chunk(b"IEND", b""))


def palette(size):
    return chunk(b"PLTE", random.integers(0, 256, 3 * size).astype(np.uint8).tobytes())


def exif(orientation, big=False):
    order = ">" if big else "<"
    return (b"MM\0*" if big else b"II*\0") + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


SRGB = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
SRGB[24:36] = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)  # the time of its making
SRGB = bytes(SRGB)
PNG_KINDS = [(1, 0), (2, 0), (4, 0), (8, 0), (8, 2), (16, 2), (1, 3), (2, 3), (4, 3), (8, 3), (8, 4), (16, 4), (8, 6),
             (16, 6)]


def add_pngs():
    kinds = {0: "grey", 2: "rgb", 3: "palette", 4: "grey alpha", 6: "rgba"}
    for bits, color_type in PNG_KINDS:
        colors = palette(2**bits) if color_type == 3 else b""
        for interlaced in [False, True]:
            name = f"png {kinds[color_type]} {bits} bits{' interlaced' if interlaced else ''}"
            add(name, png(bits, color_type, colors, interlaced), bits)
        if color_type == 3:
            some = random.integers(0, 256, max(1, 2**bits // 2)).astype(np.uint8)
            add(f"png palette {bits} bits with alpha", png(bits, 3, colors + chunk(b"tRNS", some.tobytes())), bits)
            opaque = chunk(b"tRNS", b"\xff" * (2**bits))
            add(f"png palette {bits} bits with opaque alpha", png(bits, 3, colors + opaque), bits)
            add(f"png palette {bits} bits with one transparent colour",
                png(bits, 3, colors + chunk(b"tRNS", b"\xff\x00"), True), bits)
    for bits in [1, 2, 4, 8]:
        for key in {0, 1, 2**bits - 1}:
            samples = random.integers(0, 2**bits, (HEIGHT, WIDTH))
            add(f"png grey {bits} bits with the transparent grey {key}",
                png(bits, 0, chunk(b"tRNS", struct.pack(">H", key)), samples=samples), bits, key=key, samples=samples)
    deep = random.integers(0, 2**16, (HEIGHT, WIDTH))
    for interlaced in [False, True]:
        add(f"png grey 16 bits{' interlaced' if interlaced else ''}", png(16, 0, b"", interlaced, deep), 16,
            samples=deep)
    key = int(deep[2, 3])
    add("png grey 16 bits with a transparent grey",
        png(16, 0, chunk(b"tRNS", struct.pack(">H", key)), samples=deep), 16, key=key, samples=deep)
    few = random.integers(0, 2, (HEIGHT, WIDTH * 3))
    for name, key in [("a", (1, 0, 1)), ("an unused", (7, 0, 1))]:
        add(f"png rgb 8 bits with {name} transparent colour",
            png(8, 2, chunk(b"tRNS", struct.pack(">3H", *key)), samples=few), key=key, samples=few)
    for key in [(0x100, 0, 0x100), (1, 0, 1)]:
        add(f"png rgb 16 bits with the transparent colour {key}",
            png(16, 2, chunk(b"tRNS", struct.pack(">3H", *key)), samples=few * 256), 16, key=key, samples=few * 256)
    add("png rgb with a palette to suggest", png(8, 2, palette(7)))
    add("png palette of too few colours", png(4, 3, palette(5), palette_size=16), 4)
    add("png palette of too few colours with alpha",
        png(4, 3, palette(5) + chunk(b"tRNS", b"\x10\x20"), palette_size=16), 4)
    extras = {
        "gamma 2.2": chunk(b"gAMA", struct.pack(">I", 45455)),
        "gamma 1": chunk(b"gAMA", struct.pack(">I", 100000)),
        "sRGB": chunk(b"sRGB", b"\0"),
        "chromaticities": chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
        "profile": chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(SRGB)),
        "broken profile": chunk(b"iCCP", b"x\0\0" + zlib.compress(b"no profile")),
        "significant bits": chunk(b"sBIT", b"\x05\x06\x05"),
        "background": chunk(b"bKGD", struct.pack(">3H", 1, 2, 3)),
        "size of pixels": chunk(b"pHYs", struct.pack(">IIB", 100, 300, 1)),
        "text": chunk(b"tEXt", b"Title\0A cat"),
        "animation": chunk(b"acTL", struct.pack(">II", 1, 0)),
    }
    for name, extra in extras.items():
        add(f"png with {name}", png(8, 2, extra))
    add("png rgba with gamma 1", png(8, 6, extras["gamma 1"]))
    add("png grey 16 alpha with gamma 1", png(16, 4, extras["gamma 1"]), 16)
    for orientation in range(1, 9):
        add(f"png turned {orientation}", png(8, 2, chunk(b"eXIf", exif(orientation, orientation % 2 == 0))),
            orientation=orientation)
    add("png of one pixel", png(8, 2, samples=np.array([[1, 2, 3]])))
    add("png of one column interlaced", png(8, 2, samples=random.integers(0, 256, (9, 3)), interlaced=True))
    add("png of one row interlaced", png(1, 0, samples=random.integers(0, 2, (1, 17)), interlaced=True), 1)


def smooth(channels, width=24, height=17):
    """A picture that JPEG keeps well."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    waves = [(np.sin(x * (3 + c) + y * (5 - c) + c) + 1) * 127 for c in range(channels)]
    return np.stack(waves, -1).astype(np.uint8)


def written(picture, format, **options):
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


def segment(marker, content):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def add_jpegs():
    rgb = Image.fromarray(smooth(3), "RGB")
    grey = Image.fromarray(smooth(1)[..., 0], "L")
    cmyk = Image.fromarray(smooth(4), "CMYK")
    for name, subsampling in [("4:4:4", 0), ("4:2:2", 1), ("4:2:0", 2), ("4:1:1", "4:1:1")]:
        for progressive in [False, True]:
            add(f"jpeg {name}{' progressive' if progressive else ''}",
                written(rgb, "JPEG", quality=80, subsampling=subsampling, progressive=progressive))
    add("jpeg optimised", written(rgb, "JPEG", quality=30, optimize=True))
    add("jpeg with restarts", written(rgb, "JPEG", quality=80, restart_marker_blocks=1))
    add("jpeg stored as rgb", written(rgb, "JPEG", quality=90, keep_rgb=True))
    add("jpeg grey", written(grey, "JPEG", quality=80))
    add("jpeg grey progressive", written(grey, "JPEG", quality=80, progressive=True))
    plain = written(rgb, "JPEG", quality=80)
    stored = written(cmyk, "JPEG", quality=90)
    add("jpeg cmyk", stored)
    add("jpeg cmyk progressive", written(cmyk, "JPEG", quality=90, progressive=True))
    adobe = stored.index(b"\xff\xeeAdobe"[:2])
    length = struct.unpack(">H", stored[adobe + 2:adobe + 4])[0]
    add("jpeg cmyk without Adobe's mark", stored[:adobe] + stored[adobe + 2 + length:])
    mark = bytearray(stored)
    mark[adobe + 2 + length - 1] = 2
    add("jpeg ycck", bytes(mark))
    add("jpeg with profile", written(rgb, "JPEG", quality=80, icc_profile=SRGB))
    add("jpeg without JFIF's mark", plain[:2] + plain[20:])
    add("jpeg with a comment", plain[:2] + segment(0xFE, b"a cat") + plain[2:])
    add("jpeg with bytes after its end", plain + b"more")
    for orientation in range(1, 9):
        for big in [False, True]:
            app1 = segment(0xE1, b"Exif\0\0" + exif(orientation, big))
            add(f"jpeg turned {orientation}{' big' if big else ''}", plain[:2] + app1 + plain[2:],
                orientation=orientation)


def add_webps():
    rgb = Image.fromarray(smooth(3), "RGB")
    rgba = Image.fromarray(smooth(4), "RGBA")
    opaque = rgb.convert("RGBA")
    for lossless in [False, True]:
        kind = "lossless" if lossless else "lossy"
        add(f"webp {kind}", written(rgb, "WEBP", lossless=lossless, quality=80))
        add(f"webp {kind} with alpha", written(rgba, "WEBP", lossless=lossless, quality=80))
        add(f"webp {kind} with alpha, exact", written(rgba, "WEBP", lossless=lossless, quality=80, exact=True))
        add(f"webp {kind} with opaque alpha", written(opaque, "WEBP", lossless=lossless, quality=80))
        add(f"webp {kind} with profile", written(rgb, "WEBP", lossless=lossless, quality=80, icc_profile=SRGB))
        add(f"webp {kind} with alpha and profile",
            written(rgba, "WEBP", lossless=lossless, quality=80, icc_profile=SRGB))
    add("webp lossless grey", written(Image.fromarray(smooth(1)[..., 0], "L").convert("RGB"), "WEBP", lossless=True))
    for orientation in range(1, 9):
        data = exif(orientation, orientation % 2 == 0)
        add(f"webp turned {orientation}", written(rgb, "WEBP", quality=80, exif=data), orientation=orientation)
        add(f"webp with alpha turned {orientation}", written(rgba, "WEBP", lossless=True, exif=b"Exif\0\0" + data),
            orientation=orientation)


def bmp(bits, rows, header=40, compression=0, masks=b"", colors=b"", top_down=False, width=WIDTH, height=HEIGHT,
        used=0):
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits, compression,
                           len(rows), 2835, 2835, used, 0)
        if header > 40:
            info += masks.ljust(header - 40, b"\0")
            masks = b""
    offset = 14 + len(info) + len(masks) + len(colors)
    return b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset) + info + masks + colors + rows


def bmp_rows(samples, bits):
    rows = b""
    for line in samples:
        if bits < 8:
            lone = ((line[:, None] >> np.arange(bits - 1, -1, -1)) & 1).reshape(-1)
            packed = np.packbits(lone.astype(np.uint8)).tobytes()
        else:
            packed = line.astype("<u4").view(np.uint8).reshape(len(line), 4)[:, :bits // 8].tobytes()
        rows += packed + b"\0" * (-len(packed) % 4)
    return rows


def add_bmps():
    def samples(bits):
        return random.integers(0, 2**bits, (HEIGHT, WIDTH))

    for bits in [1, 4, 8]:
        for entry, header in [(3, 12), (4, 40), (4, 108), (4, 124)]:
            colors = random.integers(0, 256, (2**bits, entry)).astype(np.uint8)
            if entry == 4:
                colors[:, 3] = 0
            add(f"bmp {bits} bits, header {header}", bmp(bits, bmp_rows(samples(bits), bits), header,
                                                         colors=colors.tobytes()), 8)
        greys = np.repeat(np.linspace(0, 255, 2**bits).astype(np.uint8)[:, None], 4, 1)
        greys[:, 3] = 0
        add(f"bmp {bits} bits of greys", bmp(bits, bmp_rows(samples(bits), bits), colors=greys.tobytes()), 8)
        few = random.integers(0, 256, (2, 4)).astype(np.uint8)
        add(f"bmp {bits} bits, two colours used",
            bmp(bits, bmp_rows(samples(1), bits), colors=few.tobytes(), used=2), 8)
        add(f"bmp {bits} bits from the top", bmp(bits, bmp_rows(samples(bits), bits), colors=greys.tobytes(),
                                                 top_down=True), 8)
    add("bmp 16 bits", bmp(16, bmp_rows(samples(15), 16)))
    add("bmp 16 bits, 565", bmp(16, bmp_rows(samples(16), 16), compression=3,
                                masks=struct.pack("<3I", 0xF800, 0x7E0, 0x1F)))
    add("bmp 16 bits, 555", bmp(16, bmp_rows(samples(16), 16), compression=3,
                                masks=struct.pack("<3I", 0x7C00, 0x3E0, 0x1F)))
    add("bmp 24 bits", bmp(24, bmp_rows(samples(24), 24)))
    add("bmp 24 bits, header 12", bmp(24, bmp_rows(samples(24), 24), 12))
    add("bmp 24 bits from the top", bmp(24, bmp_rows(samples(24), 24), top_down=True))
    add("bmp 24 bits, header 124", bmp(24, bmp_rows(samples(24), 24), 124))
    add("bmp 32 bits", bmp(32, bmp_rows(samples(32), 32)))
    add("bmp 32 bits from the top", bmp(32, bmp_rows(samples(32), 32), top_down=True))
    bgra, rgba = (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF, 0xFF00, 0xFF0000, 0xFF000000)
    for name, header, masks in [("with alpha", 56, bgra), ("with alpha, header 108", 108, bgra),
                                ("with alpha, header 124", 124, bgra), ("as rgba", 108, rgba),
                                ("without alpha", 108, bgra[:3] + (0,)), ("without alpha, header 40", 40, bgra[:3]),
                                ("as xbgr", 108, (0xFF000000, 0xFF0000, 0xFF00, 0)),
                                ("as abgr", 108, (0xFF000000, 0xFF0000, 0xFF00, 0xFF))]:
        packed = struct.pack(f"<{len(masks)}I", *masks)
        add(f"bmp 32 bits {name}", bmp(32, bmp_rows(samples(32), 32), header, 3, packed))
    add("bmp 32 bits plain, header 124", bmp(32, bmp_rows(samples(32), 32), 124, 0, struct.pack("<4I", *bgra)))
    colors = random.integers(0, 256, (256, 4)).astype(np.uint8)
    colors[:, 3] = 0
    run8 = b"".join(bytes([5, 7, 0, 5, 1, 2, 3, 4, 5, 0, 3, 9]) + b"\0\0" for _ in range(HEIGHT)) + b"\0\1"
    add("bmp 8 bits, run lengths", bmp(8, run8, compression=1, colors=colors.tobytes()))
    run4 = b"".join(bytes([5, 0x71, 0, 5, 0x12, 0x34, 0x50, 0, 3, 0x95]) + b"\0\0" for _ in range(HEIGHT)) + b"\0\1"
    add("bmp 4 bits, run lengths", bmp(4, run4, compression=2, colors=colors[:16].tobytes()))


def main():
    for step in [add_pngs, add_jpegs, add_webps, add_bmps]:
        step()
    folder = os.path.dirname(os.path.abspath(__file__))
    target = sys.argv[1] if len(sys.argv) > 1 else os.path.join(folder, "pictures.json")
    with open(target, "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(entry) for entry in table) + "\n]\n")
    print(len(table), "pictures")


if __name__ == "__main__":
    main()
