"""A sheet of 800 x 1000 to draw flat shapes on, with smooth edges and colours that belong together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from math import cos, sin, tau

from PIL import Image, ImageColor, ImageDraw

WIDTH, HEIGHT = 800, 1000
_SCALE = 2
"""Everything is drawn this many times larger and then shrunk, which smooths the edges."""
_CURVE_STEPS = 14

Colour = tuple[int, int, int]
Point = tuple[float, float]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (20, 18, 24)

_TOKEN = re.compile(r"[MLCQZ]|-?\d+(?:\.\d+)?")


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return `first` with `share` (0 to 1) of it replaced by `second`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


@dataclass(frozen=True, slots=True)
class Tones:
    """One colour in the five strengths that a thing of it needs."""

    base: Colour
    pale: Colour
    light: Colour
    dark: Colour
    line: Colour

    @classmethod
    def of(cls, colour: str) -> Tones:
        """Return the tones of a CSS colour, such as `#2f5d8a` or `teal`."""
        base = ImageColor.getrgb(colour)[:3]
        return cls(base, mix(base, WHITE, 0.72), mix(base, WHITE, 0.22), mix(base, BLACK, 0.2), mix(base, BLACK, 0.5))


def around(x: float, y: float, radius: float, share: float) -> Point:
    """Return the point on a circle that a clock's hand shows after `share` (0 to 1) of its round."""
    return x + radius * sin(tau * share), y - radius * cos(tau * share)


class Canvas:
    """The sheet. Shapes are given as SVG paths of M, L, C, Q and Z with absolute coordinates."""

    def __init__(self, ground: Colour) -> None:
        self.ground = ground
        self._image = Image.new("RGB", (WIDTH * _SCALE, HEIGHT * _SCALE), ground)
        self._pen = ImageDraw.Draw(self._image)

    def path(self, data: str, fill: Colour, *, mirror: bool = False, at: Point = (0, 0), size: float = 1) -> None:
        """Fill a shape whose origin is `at`; with `mirror`, its reflection at the vertical middle as well."""
        points = _points(data, at, size)
        self._pen.polygon(points, fill=fill)
        if mirror:
            self._pen.polygon(_mirrored(points), fill=fill)

    def stroke(
        self, data: str, fill: Colour, width: float = 4, *, mirror: bool = False, at: Point = (0, 0), size: float = 1
    ) -> None:
        """Draw a line with round ends along a path."""
        lines = [_points(data, at, size)]
        if mirror:
            lines.append(_mirrored(lines[0]))
        for points in lines:
            self._pen.line(points, fill=fill, width=round(width * _SCALE), joint="curve")
            for x, y in (points[0], points[-1]):
                self._dot(x, y, width * _SCALE / 2, fill)

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        """Fill an ellipse around (x, y)."""
        box = [(x - rx) * _SCALE, (y - ry) * _SCALE, (x + rx) * _SCALE, (y + ry) * _SCALE]
        self._pen.ellipse(box, fill=fill)

    def circle(self, x: float, y: float, radius: float, fill: Colour) -> None:
        self.ellipse(x, y, radius, radius, fill)

    def box(self, left: float, top: float, right: float, bottom: float, fill: Colour, radius: float = 0) -> None:
        """Fill a rectangle, with round corners if there is a radius."""
        self._pen.rounded_rectangle(
            [left * _SCALE, top * _SCALE, right * _SCALE, bottom * _SCALE], radius * _SCALE, fill=fill
        )

    def inside(self, data: str, paint: Callable[[Canvas], None]) -> None:
        """Let `paint` draw on the canvas, and keep only what it drew inside the path."""
        points = _points(data)
        mask = Image.new("L", self._image.size)
        ImageDraw.Draw(mask).polygon(points, fill=255)
        box = mask.getbbox()
        layer = Canvas(self.ground)
        layer._image.paste(self._image)
        paint(layer)
        if box:
            self._image.paste(layer._image.crop(box), box[:2], mask.crop(box))

    def encoded(self) -> bytes:
        """Return the drawing as a WebP file of 800 x 1000 pixels."""
        out = BytesIO()
        self._image.reduce(_SCALE).save(out, "WEBP", quality=86, method=2)
        return out.getvalue()

    def _dot(self, x: float, y: float, radius: float, fill: Colour) -> None:
        self._pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=fill)


def _mirrored(points: list[Point]) -> list[Point]:
    return [(WIDTH * _SCALE - x, y) for x, y in points]


def _points(data: str, at: Point = (0, 0), size: float = 1) -> list[Point]:
    """Turn an SVG path into the corners of a polygon, in pixels of the large sheet."""
    left, top = at
    walked = _walk(_TOKEN.findall(data))
    return [((left + x * size) * _SCALE, (top + y * size) * _SCALE) for x, y in walked]


def _walk(tokens: list[str]) -> Iterator[Point]:
    position, command, here = 0, "", (0.0, 0.0)
    while position < len(tokens):
        if tokens[position].isalpha():
            command, position = tokens[position], position + 1
            continue
        pairs = {"M": 1, "L": 1, "Q": 2, "C": 3}[command]
        numbers = [float(number) for number in tokens[position : position + 2 * pairs]]
        stops = [here, *zip(numbers[::2], numbers[1::2], strict=True)]
        position, here = position + 2 * pairs, stops[-1]
        if pairs == 1:
            yield here
        else:
            yield from (_bezier(stops, step / _CURVE_STEPS) for step in range(1, _CURVE_STEPS + 1))


def _bezier(stops: list[Point], share: float) -> Point:
    """De Casteljau: halve the way between neighbours until one point is left."""
    while len(stops) > 1:
        stops = [(x + (u - x) * share, y + (v - y) * share) for (x, y), (u, v) in pairwise(stops)]
    return stops[0]
