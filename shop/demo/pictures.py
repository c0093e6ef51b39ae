"""Pictures of the demo goods, drawn on the spot: the demo needs no network and no files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from random import Random

from shop.demo.drawings import clothes, furniture, pantry, patterns, produce, tableware
from shop.demo.drawings.canvas import BLACK, HEIGHT, WHITE, WIDTH, Canvas, Colour, Tones, mix

Drawing = Callable[[Canvas, Tones], None]

CLOTHES: Mapping[str, Drawing] = {
    "shirt": clothes.shirt,
    "checked shirt": partial(clothes.shirt, pattern=patterns.checked),
    "tiled shirt": partial(clothes.shirt, pattern=patterns.tiles),
    "striped blouse": partial(clothes.shirt, pattern=patterns.striped),
    "tee": clothes.tee,
    "dotted tee": partial(clothes.tee, pattern=patterns.dotted),
    "long sleeve": clothes.long_sleeve,
    "jumper": clothes.jumper,
    "varsity": clothes.varsity,
    "floral top": partial(clothes.sleeveless, pattern=patterns.floral),
    "jacket": clothes.jacket,
    "patched jacket": partial(clothes.long_sleeve, pattern=patterns.patched),
    "leather jacket": clothes.leather_jacket,
    "coat": clothes.coat,
    "tuxedo": partial(clothes.blazer, pattern=patterns.waves),
    "skirt": clothes.skirt,
    "dress": partial(clothes.dress, pattern=patterns.dotted),
    "bag": clothes.bag,
    "shoe": clothes.high_top,
}
HOMEWARE: Mapping[str, Drawing] = {
    drawing.__name__: drawing
    for drawing in (
        tableware.mug,
        tableware.bowl,
        tableware.plate,
        furniture.vase,
        furniture.lamp,
        furniture.pendant,
        furniture.plant,
        furniture.chair,
        furniture.stool,
        furniture.table,
        furniture.shelf,
        tableware.cushion,
        tableware.blanket,
        tableware.candle,
        furniture.clock,
        tableware.pan,
        tableware.kettle,
        tableware.towel,
        tableware.basket,
        furniture.poster,
    )
}
GROCERIES: Mapping[str, Drawing] = {
    drawing.__name__: drawing
    for drawing in (
        produce.apple,
        produce.citrus,
        produce.pear,
        produce.grapes,
        produce.strawberry,
        produce.carrot,
        produce.cabbage,
        produce.radish,
        produce.scallion,
        produce.mushroom,
        produce.potato,
        produce.pepper,
        pantry.bread,
        pantry.bun,
        pantry.carton,
        pantry.bottle,
        pantry.jar,
        pantry.crock,
        pantry.sack,
        pantry.egg,
        pantry.fish,
        pantry.noodles,
        pantry.tofu,
        pantry.meat,
        pantry.box,
    )
}
KINDS: Mapping[str, Drawing] = {**CLOTHES, **HOMEWARE, **GROCERIES}


def draw_picture(kind: str, colour: str, seed: int) -> bytes:
    """Return a WebP picture, 800 x 1000 pixels, of a thing of that kind and CSS colour.

    The seed varies what is behind it. The same three always give the same bytes. An unknown kind is a `KeyError`.
    """
    drawing = KINDS[kind]
    tones, chance = Tones.of(colour), Random(seed)  # noqa: S311 - decoration
    backdrop = _wall if kind in CLOTHES else _arch if kind in HOMEWARE else _sun
    canvas = backdrop(tones, chance)
    drawing(canvas, tones)
    return canvas.encoded()


def _wall(tones: Tones, chance: Random) -> Canvas:
    """A quiet studio wall, with a board leaning in from one side."""
    paper = chance.choice([(236, 232, 226), (228, 231, 234), (240, 235, 230), (230, 232, 226)])
    canvas = Canvas(mix(paper, tones.base, 0.05))
    board = mix(canvas.ground, WHITE, 0.5)
    lean = chance.randint(90, 220)
    canvas.path(f"M0 0 L {WIDTH - lean * 2} 0 L {WIDTH - lean} {HEIGHT} L 0 {HEIGHT} Z", board)
    canvas.ellipse(400, 836, 236, 22, mix(board, BLACK, 0.09))
    return canvas


def _arch(tones: Tones, chance: Random) -> Canvas:
    """A niche in a warm wall, above a shelf."""
    wall = chance.choice([(240, 226, 210), (233, 222, 214), (226, 228, 216), (238, 220, 206), (224, 226, 228)])
    canvas = Canvas(wall)
    niche = mix(mix(wall, WHITE, 0.45), tones.base, 0.05)
    canvas.path(f"M110 {HEIGHT} L 110 420 C 110 30 690 30 690 420 L 690 {HEIGHT} Z", niche)
    canvas.ground = niche
    canvas.box(0, 806, WIDTH, HEIGHT, mix(wall, BLACK, 0.12))
    canvas.box(0, 806, WIDTH, 822, mix(wall, WHITE, 0.35))
    canvas.ellipse(400, 824, 220, 15, mix(wall, BLACK, 0.2))
    return canvas


def _sun(tones: Tones, chance: Random) -> Canvas:
    """A bright disc above a counter, in a colour that the thing stands out from."""
    wall: Colour = chance.choice([(255, 240, 204), (226, 240, 220), (255, 228, 216), (220, 236, 244), (246, 232, 244)])
    canvas = Canvas(wall)
    disc = mix(wall, WHITE, 0.55)
    canvas.circle(400 + chance.randint(-40, 40), 500, 350, disc)
    canvas.ground = disc
    canvas.path(f"M0 790 C 260 760 540 760 {WIDTH} 790 L {WIDTH} {HEIGHT} L 0 {HEIGHT} Z", mix(wall, tones.base, 0.18))
    canvas.ellipse(400, 814, 240, 20, mix(mix(wall, tones.base, 0.18), BLACK, 0.1))
    return canvas
