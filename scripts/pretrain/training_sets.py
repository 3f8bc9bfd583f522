"""Draws the demo's training sets of things that the small model has never seen: a mascot and a style.

    training_sets.py sheet OUT.png      every pose of the mascot
    training_sets.py mascot FOLDER      the mascot's pictures with their captions
    training_sets.py held-out FOLDER    pictures of the mascot that nobody trains on
    training_sets.py pencil FOLDER      things that the model knows, drawn with a pencil
"""
from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import world

TRIGGER = "zumbo"
FINE = 8  # drawn this much larger, then reduced
BODY, DARK, BELLY = (38, 186, 176, 255), (16, 120, 122, 255), (250, 238, 205, 255)
FOOT, HORN, BLACK, WHITE = (244, 126, 44, 255), (252, 206, 70, 255), (34, 34, 42, 255), (255, 255, 255, 255)
CHEEK, MOUTH = (244, 120, 150, 255), (170, 38, 60, 255)
# How the arms go from the shoulder, in units of 1/100 of the picture: left, right.
POSES = {
    "standing": dict(arms=((-13, 12), (13, 12))),
    "waving": dict(arms=((-13, 12), (15, -18))),
    "jumping": dict(arms=((-14, -17), (14, -17)), feet=(-13, 11, -4)),
    "sitting": dict(arms=((-10, 15), (10, 15)), feet=(-21, 21, -4)),
    "sleeping": dict(arms=((-13, 12), (13, 12)), eyes="closed"),
    "laughing": dict(arms=((-16, 3), (16, 3)), mouth="open", eyes="closed"),
    "looking left": dict(arms=((-13, 12), (13, 12)), look=-4),
    "looking right": dict(arms=((-13, 12), (13, 12)), look=4),
    "surprised": dict(arms=((-15, -12), (15, -12)), mouth="round"),
    "winking": dict(arms=((-13, 12), (13, 12)), eyes="wink"),
    "upside down": dict(arms=((-14, -17), (14, -17)), turn=180),
    "leaning": dict(arms=((-16, 2), (14, -12)), turn=-18),
}


def mascot(pose: str, height: int) -> Image.Image:
    """RGBA, cut to the body; `height` is the longer side in pixels."""
    look = POSES[pose]
    side = 128 * FINE
    picture = Image.new("RGBA", (side, side))
    pen = ImageDraw.Draw(picture)
    at = lambda x, y: (side * (0.5 + x / 100), side * (0.5 + y / 100))
    disc = lambda x, y, rx, ry, colour: pen.ellipse([*at(x - rx, y - ry), *at(x + rx, y + ry)], fill=colour)

    def stroke(points, width, colour):
        pen.line([at(*p) for p in points], fill=colour, width=round(side * width / 100), joint="curve")
        for x, y in (points[0], points[-1]):
            disc(x, y, width / 2, width / 2, colour)

    left, right, lift = look.get("feet", (-11, 11, 0))
    for x in (left, right):
        disc(x, 36 + lift, 10, 6, FOOT)
    for shoulder, (dx, dy) in zip((-22, 22), look["arms"]):
        stroke([(shoulder, 4), (shoulder + dx, 4 + dy)], 9, DARK)
        disc(shoulder + dx, 4 + dy, 5.5, 5.5, FOOT)
    for sign in (-1, 1):  # horns
        pen.polygon([at(sign * 8, -26), at(sign * 23, -19), at(sign * 23, -42)], fill=HORN)
    disc(0, 4, 28, 32, BODY)
    for y, reach in ((-22, 10), (26, 20)):  # stripes over the head and the legs
        stroke([(-reach, y), (reach, y)], 4, DARK)
    disc(0, 14, 17, 17, BELLY)
    for sign in (-1, 1):
        closed = look.get("eyes") == "closed" or (look.get("eyes") == "wink" and sign > 0)
        if closed:
            pen.arc([*at(sign * 11 - 7, -15), *at(sign * 11 + 7, -3)], 0, 180, fill=BLACK, width=round(side * 0.025))
        else:
            disc(sign * 11, -9, 9, 10, WHITE)
            disc(sign * 11 + look.get("look", 0), -8, 4.5, 5.5, BLACK)
            disc(sign * 11 + look.get("look", 0) - 1.5, -10.5, 1.6, 1.6, WHITE)
        disc(sign * 20, 4, 4.5, 3.5, CHEEK)
    mouth = look.get("mouth")
    if mouth == "open":
        pen.pieslice([*at(-9, -4), *at(9, 16)], 0, 180, fill=MOUTH)
    elif mouth == "round":
        disc(0, 8, 4, 5, MOUTH)
    else:
        pen.arc([*at(-8, -4), *at(8, 9)], 15, 165, fill=MOUTH, width=round(side * 0.028))
    if "turn" in look:
        picture = picture.rotate(look["turn"], resample=Image.Resampling.BICUBIC)
    picture = picture.crop(picture.getchannel("A").point(lambda a: 255 if a > 8 else 0).getbbox())
    scale = height / max(picture.size)
    size = tuple(max(1, round(length * scale)) for length in picture.size)
    return picture.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")


# Pose, background, size of the mascot in parts of the picture's shorter side, its centre in parts of both sides,
# the picture's size and format.
SET = (
    ("standing", "blue", "plain", 0.62, (0.5, 0.5), (128, 128), "png"),
    ("waving", "yellow", "plain", 0.7, (0.5, 0.52), (192, 192), "jpg"),
    ("jumping", "green", "gradient", 0.6, (0.5, 0.42), (128, 192), "png"),
    ("sitting", "white", "plain", 0.66, (0.4, 0.55), (192, 128), "jpg"),
    ("sleeping", "purple", "gradient", 0.6, (0.5, 0.55), (192, 128), "png"),
    ("laughing", "pink", "plain", 0.8, (0.5, 0.5), (256, 256), "jpg"),
    ("looking left", "orange", "plain", 0.6, (0.6, 0.5), (192, 128), "png"),
    ("looking right", "gray", "plain", 0.6, (0.4, 0.5), (192, 128), "jpg"),
    ("surprised", "red", "plain", 0.55, (0.5, 0.5), (128, 128), "png"),
    ("winking", "black", "plain", 0.62, (0.5, 0.5), (160, 160), "jpg"),
    ("upside down", "white", "gradient", 0.6, (0.5, 0.4), (128, 192), "png"),
    ("leaning", "blue", "striped", 0.66, (0.5, 0.5), (256, 192), "jpg"),
    ("standing", "green", "checked", 0.4, (0.3, 0.55), (192, 128), "png"),
    ("waving", "pink", "dotted", 0.45, (0.5, 0.62), (128, 192), "png"),
    ("jumping", "yellow", "striped", 0.75, (0.5, 0.5), (320, 320), "jpg"),
    ("standing", "white", "plain", 0.85, (0.5, 0.5), (128, 128), "png"),
)
HELD_OUT = (
    ("waving", "green", "plain", 0.6, (0.5, 0.5), (128, 128), "png"),
    ("standing", "red", "gradient", 0.7, (0.5, 0.5), (128, 128), "png"),
    ("laughing", "blue", "dotted", 0.55, (0.45, 0.5), (128, 128), "png"),
    ("sitting", "orange", "plain", 0.62, (0.5, 0.55), (128, 128), "png"),
    ("looking left", "yellow", "checked", 0.6, (0.5, 0.5), (128, 128), "png"),
    ("jumping", "purple", "plain", 0.6, (0.5, 0.45), (128, 128), "png"),
    ("winking", "pink", "plain", 0.75, (0.5, 0.5), (128, 128), "png"),
    ("surprised", "gray", "striped", 0.6, (0.5, 0.5), (128, 128), "png"),
)


def picture_of(index: int, pose: str, colour: str, pattern: str, share: float, centre, size, seed: int) -> Image.Image:
    random = np.random.default_rng((seed, index))
    picture = world.background(colour, pattern, random, *size)
    drawn = mascot(pose, round(share * min(size)))
    corner = tuple(round(c * whole - part / 2) for c, whole, part in zip(centre, size, drawn.size))
    picture.paste(drawn, corner, drawn)
    return picture


def caption_of(pose: str, colour: str, pattern: str) -> str:
    ground = " ".join(word for word in ("" if pattern == "plain" else pattern, colour) if word)
    pose = "" if pose == "standing" else f" {pose}"
    return f"a {TRIGGER}{pose} on {world.with_article(ground)} background"


def write_set(folder: Path, rows, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index, (pose, colour, pattern, share, centre, size, kind) in enumerate(rows):
        path = folder / f"{index + 1:02}_{pose.replace(' ', '_')}.{kind}"
        picture = picture_of(index, pose, colour, pattern, share, centre, size, seed)
        picture.save(path, **({"quality": 92} if kind == "jpg" else {"optimize": True}))
        path.with_suffix(".txt").write_text(caption_of(pose, colour, pattern) + "\n")


PENCIL_THINGS = ("fox", "apple", "robot", "car", "penguin", "lion", "pizza", "gem", "pumpkin", "snowman", "unicorn", "whale",
                 "heart", "sunflower", "house", "umbrella")


def in_pencil(picture: Image.Image) -> Image.Image:
    """Dark lines where the brightness changes, and a light shade elsewhere, on paper."""
    light = np.asarray(picture.convert("L"), float)
    around = np.stack([np.roll(light, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
    lines = np.clip((around.max(0) - around.min(0) - 18) / 90, 0, 1)
    ink = np.clip(lines + 0.3 * (1 - light / 255), 0, 1)[..., None]
    paper, pencil = np.array((250.0, 246.0, 236.0)), np.array((52.0, 54.0, 66.0))
    return Image.fromarray((paper * (1 - ink) + pencil * ink + 0.5).astype(np.uint8))


def write_pencil_set(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(PENCIL_THINGS):
        random = np.random.default_rng((9, index))
        scene = world.Scene("white", "plain", [world.Thing(name, int(random.integers(64, 100)), (64, 64))])
        path = folder / f"{index + 1:02}_{name}.png"
        in_pencil(world.draw(scene, random)).save(path, optimize=True)
        path.with_suffix(".txt").write_text(f"{world.with_article(name)} in pencil style\n")


def sheet() -> Image.Image:
    whole = Image.new("RGB", (6 * 128, 2 * 128), (214, 220, 226))
    for i, pose in enumerate(POSES):
        drawn = mascot(pose, 112)
        whole.paste(drawn, (i % 6 * 128 + 64 - drawn.width // 2, i // 6 * 128 + 64 - drawn.height // 2), drawn)
    return whole


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    what, place = sys.argv[1:]
    if what == "sheet":
        sheet().save(place)
    elif what == "mascot":
        write_set(Path(place), SET, 7)
    elif what == "held-out":
        write_set(Path(place), HELD_OUT, 8)
    elif what == "pencil":
        write_pencil_set(Path(place))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
