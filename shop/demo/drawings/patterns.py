"""Patterns that clothes are printed, woven or knitted in; the canvas keeps what is inside the garment."""

from __future__ import annotations

from shop.demo.drawings.canvas import Canvas, Colour, Tones, mix


def striped(canvas: Canvas, tones: Tones) -> None:
    for x in range(120, 700, 56):
        canvas.box(x, 150, x + 22, 880, tones.line)


def checked(canvas: Canvas, tones: Tones) -> None:
    for x in range(140, 700, 92):
        canvas.box(x, 150, x + 34, 880, tones.dark)
    for y in range(200, 880, 92):
        canvas.box(100, y, 700, y + 34, tones.line)
        for x in range(140, 700, 92):
            canvas.box(x, y, x + 34, y + 34, mix(tones.line, (10, 10, 10), 0.5))
    for x in range(198, 700, 92):
        canvas.box(x, 150, x + 5, 880, tones.pale)


def floral(canvas: Canvas, tones: Tones) -> None:
    for row, y in enumerate(range(190, 900, 86)):
        for x in range(150 + 46 * (row % 2), 700, 92):
            _flower(canvas, x, y, ((214, 92, 110), (232, 160, 80), (96, 132, 190))[(row + x // 92) % 3])


def waves(canvas: Canvas, tones: Tones) -> None:
    for y in range(180, 900, 46):
        canvas.stroke(
            f"M100 {y} C 220 {y - 50} 320 {y + 50} 400 {y} C 480 {y - 50} 580 {y + 50} 700 {y}", tones.light, 9
        )


def tiles(canvas: Canvas, tones: Tones) -> None:
    for row, y in enumerate(range(180, 900, 48)):
        for x in range(110 + 32 * (row % 2), 720, 64):
            canvas.path(
                f"M{x} {y - 24} L {x + 18} {y} L {x} {y + 24} L {x - 18} {y} Z", (tones.light, tones.dark)[row % 2]
            )


def dotted(canvas: Canvas, tones: Tones) -> None:
    for row, y in enumerate(range(180, 900, 44)):
        for x in range(120 + 26 * (row % 2), 700, 52):
            canvas.circle(x, y, 9, tones.pale)


def patched(canvas: Canvas, tones: Tones) -> None:
    """Colours across the shoulders."""
    for index, colour in enumerate([(214, 112, 82), (236, 188, 92), (98, 148, 152), (176, 84, 104)]):
        canvas.box(240, 268 + index * 26, 560, 294 + index * 26, colour)


def knitted(canvas: Canvas, tones: Tones) -> None:
    for x in range(296, 520, 52):
        for y in range(290, 780, 36):
            canvas.stroke(f"M{x - 14} {y} L {x} {y + 18} L {x + 14} {y}", tones.dark, 5)


def _flower(canvas: Canvas, x: float, y: float, colour: Colour) -> None:
    for dx, dy in ((0, -13), (12, -4), (8, 11), (-8, 11), (-12, -4)):
        canvas.circle(x + dx, y + dy, 10, colour)
    canvas.circle(x, y, 7, (250, 226, 150))
    canvas.ellipse(x + 26, y + 22, 12, 5, (126, 160, 110))
