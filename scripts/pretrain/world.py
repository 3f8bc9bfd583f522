"""The world of the small model: emoji on painted backgrounds, with a caption for each picture.

Picture `index` of a seed is always the same. Emoji are drawn from Noto Color Emoji (Debian's fonts-noto-color-emoji,
Apache-2.0); their names are short English words after those of the Unicode CLDR (Unicode licence).

    world.py sheet OUT.png                    every emoji with its name
    world.py pictures OUT.png [COUNT [SEED]]  pictures with their captions
"""
from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
SIZE = 128

# The things that the model knows.
EMOJI = {
    "dog": "🐶", "cat": "🐱", "fox": "🦊", "lion": "🦁", "cow": "🐮", "pig": "🐷", "frog": "🐸", "monkey": "🐵",
    "koala": "🐨", "rabbit": "🐰", "chicken": "🐔", "penguin": "🐧", "unicorn": "🦄", "octopus": "🐙", "crab": "🦀",
    "whale": "🐳", "butterfly": "🦋", "ladybug": "🐞", "turtle": "🐢", "elephant": "🐘", "apple": "🍎",
    "banana": "🍌", "grapes": "🍇", "watermelon": "🍉", "strawberry": "🍓", "pineapple": "🍍", "carrot": "🥕",
    "corn": "🌽", "broccoli": "🥦", "hamburger": "🍔", "pizza": "🍕", "doughnut": "🍩", "coffee": "☕", "cactus": "🌵",
    "sunflower": "🌻", "tulip": "🌷", "maple leaf": "🍁", "clover": "🍀", "mushroom": "🍄", "palm tree": "🌴",
    "car": "🚗", "bus": "🚌", "rocket": "🚀", "sailboat": "⛵", "balloon": "🎈", "house": "🏠", "umbrella": "☂",
    "guitar": "🎸", "crown": "👑", "alarm clock": "⏰", "soccer ball": "⚽", "basketball": "🏀", "light bulb": "💡",
    "gem": "💎", "heart": "❤", "star": "⭐", "moon": "🌙", "pumpkin": "🎃", "robot": "🤖", "snowman": "⛄",
}
# Things that it never sees: the tests' new concepts.
HELD_OUT = {
    "panda": "🐼", "owl": "🦉", "bee": "🐝", "zebra": "🦓", "avocado": "🥑", "cupcake": "🧁", "rose": "🌹", "key": "🔑",
    "ghost": "👻", "camera": "📷", "parrot": "🦜", "teapot": "🫖",
}
COLOURS = {
    "red": (214, 60, 56), "orange": (240, 146, 58), "yellow": (244, 214, 92), "green": (88, 170, 92),
    "blue": (74, 118, 206), "purple": (138, 86, 180), "pink": (244, 158, 190), "gray": (142, 144, 148),
    "white": (244, 244, 242), "black": (38, 38, 44),
}
PATTERNS = ("plain", "gradient", "striped", "checked", "dotted")
PATTERN_ODDS = (0.34, 0.18, 0.18, 0.15, 0.15)
# The longer side of an emoji in pixels.
SIZES = {"small": (38, 48), "": (56, 72), "large": (84, 104)}
PLACES = {
    "": (64, 64), "on the left": (36, 64), "on the right": (92, 64), "at the top": (64, 36), "at the bottom": (64, 92),
}
RELATIONS = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}


@dataclass
class Thing:
    name: str
    size: int
    centre: tuple[int, int]


@dataclass
class Scene:
    colour: str
    pattern: str
    things: list[Thing] = field(default_factory=list)
    size_word: str = ""
    place: str = ""
    relation: str = ""


@functools.cache
def emoji(name: str) -> Image.Image:
    """RGBA, cut to what is drawn."""
    character = EMOJI.get(name) or HELD_OUT[name]
    picture = Image.new("RGBA", (160, 160))
    ImageDraw.Draw(picture).text((12, 12), character, font=ImageFont.truetype(FONT, 109), embedded_color=True)
    return picture.crop(picture.getchannel("A").point(lambda a: 255 if a > 8 else 0).getbbox())


@functools.cache
def scaled(name: str, size: int) -> Image.Image:
    picture = emoji(name)
    scale = size / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    # Colours are averaged by their share, so that no dark edge comes from transparent pixels.
    return picture.convert("RGBa").resize((width, height), Image.Resampling.LANCZOS).convert("RGBA")


def background(colour: str, pattern: str, random: np.random.Generator, width: int = SIZE,
               height: int = SIZE) -> Image.Image:
    first = np.clip(np.array(COLOURS[colour]) + random.integers(-7, 8, 3), 0, 255).astype(float)
    towards = 0.0 if first.mean() > 200 else 255.0
    second = first + (towards - first) * random.uniform(0.12, 0.22)
    y, x = np.mgrid[0:height, 0:width].astype(float)
    period = int(random.integers(18, 27))
    shift = int(random.integers(0, period))
    if pattern == "plain":
        share = np.zeros((height, width))
    elif pattern == "gradient":
        angle = random.uniform(0, 2 * np.pi)
        along = np.cos(angle) * (x - 64) + np.sin(angle) * (y - 64)
        second = first + (towards - first) * 0.4
        share = np.clip(0.5 + along / 140, 0, 1)
    elif pattern == "striped":
        along = (x, y, (x + y) * 0.7071)[random.integers(3)]
        share = _band(along + shift, period)
    elif pattern == "checked":
        across, down = _band(x + shift, 2 * period), _band(y + shift, 2 * period)
        share = across * (1 - down) + down * (1 - across)
    else:
        dx, dy = (x + shift) % period - period / 2, (y + shift) % period - period / 2
        share = np.clip(period * 0.28 + 0.5 - np.hypot(dx, dy), 0, 1)
    picture = first + share[..., None] * (second - first)
    return Image.fromarray(np.clip(picture + 0.5, 0, 255).astype(np.uint8))


def _band(along: np.ndarray, period: float) -> np.ndarray:
    """1 in one half of each period and 0 in the other, with an edge one pixel wide."""
    phase = np.abs((along / period) % 1 - 0.5) * period
    return np.clip(phase - period / 4 + 0.5, 0, 1)


def draw(scene: Scene, random: np.random.Generator) -> Image.Image:
    picture = background(scene.colour, scene.pattern, random)
    for thing in scene.things:
        drawn = scaled(thing.name, thing.size)
        corner = tuple(centre - side // 2 for centre, side in zip(thing.centre, drawn.size))
        picture.paste(drawn, corner, drawn)
    return picture


def make_scene(random: np.random.Generator, two: float = 0.25, names: tuple[str, ...] = tuple(EMOJI)) -> Scene:
    scene = Scene(colour=str(random.choice(list(COLOURS))), pattern=str(random.choice(PATTERNS, p=PATTERN_ODDS)))
    jitter = lambda most: random.integers(-most, most + 1, 2)
    if random.random() < two:
        first, second = (str(name) for name in random.choice(names, 2, replace=False))
        scene.relation = str(random.choice(list(RELATIONS)))
        direction = np.array(RELATIONS[scene.relation])
        for name, side in ((first, 1), (second, -1)):
            centre = np.array((64, 64)) + side * direction * 31 + jitter(4)
            scene.things.append(Thing(name, int(random.integers(44, 57)), tuple(int(c) for c in centre)))
        return scene
    scene.size_word = str(random.choice(list(SIZES), p=(0.2, 0.55, 0.25)))
    scene.place = "" if scene.size_word == "large" else str(random.choice(list(PLACES), p=(0.44, 0.14, 0.14, 0.14, 0.14)))
    size = int(random.integers(SIZES[scene.size_word][0], SIZES[scene.size_word][1] + 1))
    centre = np.array(PLACES[scene.place]) + jitter(5)
    scene.things.append(Thing(str(random.choice(names)), size, tuple(int(c) for c in centre)))
    return scene


def with_article(words: str) -> str:
    if words in ("grapes", "corn", "broccoli", "coffee"):
        return words
    return ("an " if words[0] in "aeiou" and not words.startswith("uni") else "a ") + words


def caption(scene: Scene, random: np.random.Generator) -> str:
    """Says a random part of the scene: short prompts must work too."""
    says = lambda odds: random.random() < odds
    colour = scene.colour if says(0.85) else ""
    pattern = scene.pattern if says(0.6 if scene.pattern != "plain" else 0.25) else ""
    ground = " ".join(word for word in (pattern, colour) if word)
    names = [thing.name for thing in scene.things]
    if scene.relation:
        if says(0.1):
            return ", ".join(names + ([ground + " background"] if ground else []))
        text = f"{with_article(names[0])} {scene.relation} {with_article(names[1])}"
        if says(0.15):
            text = f"{with_article(names[0])} and {with_article(names[1])}"
        place = ""
    else:
        size = scene.size_word if says(0.7) else ""
        place = scene.place if says(0.7) else ""
        noun = " ".join(word for word in (size, names[0]) if word)
        if says(0.12):
            details = [names[0]] + [word for word in (ground + " background" if ground else "", size, place) if word]
            return ", ".join(details)
        text = with_article(noun) if says(0.9) else noun
    ground = f"{with_article(ground)} background" if ground else ""
    if ground and says(0.12):
        return f"{ground} with {text}" + (f" {place}" if place else "")
    return text + (f" {place}" if place else "") + (f" on {ground}" if ground else "")


def sample(seed: int, index: int, two: float = 0.25) -> tuple[np.ndarray, str, Scene]:
    """Picture `index` of a seed: uint8 [128, 128, 3], its caption, and the scene."""
    random = np.random.default_rng((seed, index))
    scene = make_scene(random, two)
    return np.asarray(draw(scene, random)), caption(scene, random), scene


def _sheet() -> Image.Image:
    names = list(EMOJI) + list(HELD_OUT)
    sheet = Image.new("RGB", (12 * 84, (len(names) + 11) // 12 * 100), (200, 206, 212))
    pen = ImageDraw.Draw(sheet)
    for i, name in enumerate(names):
        x, y = i % 12 * 84, i // 12 * 100
        drawn = scaled(name, 72)
        sheet.paste(drawn, (x + 6, y + 4), drawn)
        pen.text((x + 4, y + 82), name, fill=(0, 0, 0))
    return sheet


def _pictures(count: int, seed: int) -> Image.Image:
    across = 6
    sheet = Image.new("RGB", (across * 170, (count + across - 1) // across * 162), (255, 255, 255))
    pen = ImageDraw.Draw(sheet)
    for i in range(count):
        picture, text, _ = sample(seed, i)
        x, y = i % across * 170, i // across * 162
        sheet.paste(Image.fromarray(picture), (x + 2, y))
        pen.text((x + 2, y + 130), text[:27] + "\n" + text[27:54], fill=(0, 0, 0))
    return sheet


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("sheet", "pictures"):
        sys.exit(__doc__)
    numbers = [int(text) for text in sys.argv[3:]]
    (_sheet() if sys.argv[1] == "sheet" else _pictures(*(numbers + [24, 0][len(numbers):]))).save(sys.argv[2])
