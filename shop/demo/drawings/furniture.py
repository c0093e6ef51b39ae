"""Drawings of what furnishes a room, as it stands on a shelf whose edge is at 800."""

from __future__ import annotations

from shop.demo.drawings.canvas import BLACK, WHITE, Canvas, Colour, Tones, around, mix

WOOD: Colour = (188, 142, 98)
WOOD_DARK: Colour = (146, 104, 68)
LEAF: Colour = (86, 132, 92)
LEAF_DARK: Colour = (56, 98, 70)
BRASS: Colour = (206, 166, 92)
BOOKS: tuple[Colour, ...] = ((204, 112, 92), (92, 128, 150), (226, 188, 120), (122, 150, 120), (240, 232, 216))


def lamp(canvas: Canvas, tones: Tones) -> None:
    glow = mix(canvas.ground, (255, 236, 176), 0.55)
    canvas.path("M250 430 L 550 430 L 700 800 L 100 800 Z", glow)
    canvas.box(391, 420, 409, 780, BRASS)
    canvas.ellipse(400, 786, 110, 22, tones.line)
    canvas.ellipse(400, 778, 110, 22, tones.dark)
    canvas.path("M310 200 L 490 200 L 580 432 C 480 452 320 452 220 432 Z", tones.base)
    canvas.path("M310 200 L 360 200 L 316 446 C 280 444 246 438 220 432 Z", tones.light)
    canvas.ellipse(400, 200, 90, 14, tones.light)


def pendant(canvas: Canvas, tones: Tones) -> None:
    canvas.box(396, 0, 404, 380, tones.line)
    canvas.path("M232 620 L 568 620 L 700 1000 L 100 1000 Z", mix(canvas.ground, (255, 236, 176), 0.45))
    canvas.circle(400, 622, 54, (255, 240, 190))
    canvas.path("M210 620 C 210 470 300 390 400 390 C 500 390 590 470 590 620 Z", tones.base)
    canvas.path("M210 620 C 210 470 300 390 400 390 C 330 410 276 490 270 620 Z", tones.light)
    canvas.box(376, 356, 424, 400, BRASS, 8)
    canvas.box(204, 608, 596, 626, tones.dark, 9)


def plant(canvas: Canvas, tones: Tones) -> None:
    for data in (
        "M400 600 C 300 560 200 470 190 330 C 290 360 390 460 400 600 Z",
        "M400 600 C 500 570 620 480 634 330 C 520 360 410 460 400 600 Z",
        "M400 610 C 330 600 210 600 150 520 C 250 480 370 520 400 610 Z",
        "M400 610 C 470 600 590 610 656 530 C 560 480 430 520 400 610 Z",
    ):
        canvas.path(data, LEAF_DARK)
    canvas.path("M400 610 C 300 470 320 270 400 170 C 480 270 500 470 400 610 Z", LEAF)
    canvas.path("M400 610 C 300 580 250 500 250 420 C 330 440 400 520 400 610 Z", LEAF)
    canvas.path("M400 610 C 500 580 556 500 560 420 C 470 440 400 520 400 610 Z", mix(LEAF, WHITE, 0.15))
    canvas.stroke("M400 600 L 400 230", LEAF_DARK, 5)
    canvas.path(
        "M268 590 L 532 590 L 504 782 C 502 800 492 806 476 806 L 324 806 C 308 806 298 800 296 782 Z", tones.base
    )
    canvas.path("M268 590 L 330 590 L 350 806 L 324 806 C 308 806 298 800 296 782 Z", tones.light)
    canvas.box(252, 570, 548, 622, tones.dark, 10)


def chair(canvas: Canvas, tones: Tones) -> None:
    for data in ("M286 600 L 240 806", "M514 600 L 560 806"):
        canvas.stroke(data, WOOD_DARK, 20)
    for data in ("M326 610 L 310 790", "M474 610 L 490 790"):
        canvas.stroke(data, mix(WOOD_DARK, BLACK, 0.25), 17)
    canvas.path("M270 300 C 270 230 320 210 400 210 C 480 210 530 230 530 300 L 548 560 L 252 560 Z", tones.base)
    canvas.path("M270 300 C 270 230 320 210 400 210 C 330 222 306 260 308 320 L 300 560 L 252 560 Z", tones.light)
    canvas.box(214, 536, 586, 624, tones.dark, 40)
    canvas.box(214, 526, 586, 600, tones.base, 36)
    for x in (352, 448):
        for y in (320, 420):
            canvas.circle(x, y, 9, tones.line)


def stool(canvas: Canvas, tones: Tones) -> None:
    for data in ("M300 500 L 236 806", "M500 500 L 564 806", "M400 510 L 400 800"):
        canvas.stroke(data, WOOD_DARK, 22)
    canvas.stroke("M262 690 L 538 690", WOOD, 15)
    canvas.box(222, 446, 578, 520, tones.dark, 36)
    canvas.box(222, 432, 578, 498, tones.base, 32)


def table(canvas: Canvas, tones: Tones) -> None:
    for data in ("M230 560 L 196 806", "M570 560 L 604 806"):
        canvas.stroke(data, tones.dark, 24)
    canvas.box(140, 520, 660, 580, tones.dark, 14)
    canvas.box(140, 510, 660, 560, tones.base, 14)
    canvas.path("M290 510 L 300 400 L 360 400 L 370 510 Z", WHITE)
    for x, y in ((300, 330), (330, 290), (364, 336)):
        canvas.stroke(f"M330 400 L {x} {y}", LEAF_DARK, 6)
        _leaf(canvas, x, y, 30)
    canvas.box(430, 484, 560, 510, (204, 112, 92), 4)
    canvas.box(444, 460, 548, 484, (92, 128, 150), 4)


def shelf(canvas: Canvas, tones: Tones) -> None:
    canvas.box(220, 220, 580, 806, tones.base, 10)
    for index, y in enumerate((246, 436, 626)):
        canvas.box(246, y, 554, y + 160, tones.line, 4)
        for book in range(5):
            left = 258 + book * 34
            top = y + 30 + (book * 29 + index * 17) % 46
            canvas.box(left, top, left + 28, y + 160, BOOKS[(book + index * 2) % len(BOOKS)], 3)
        canvas.circle(496, y + 122, 38, tones.pale if index != 1 else LEAF)
    canvas.box(204, 196, 596, 226, tones.dark, 8)


def clock(canvas: Canvas, tones: Tones) -> None:
    canvas.circle(400, 500, 258, tones.dark)
    canvas.circle(400, 494, 254, tones.base)
    canvas.circle(400, 494, 212, (250, 247, 240))
    for index in range(12):
        canvas.circle(*around(400, 494, 180, index / 12), 10 if index % 3 == 0 else 5, tones.line)
    canvas.stroke("M400 494 L 400 352", tones.line, 12)
    canvas.stroke("M400 494 L 500 560", tones.line, 12)
    canvas.circle(400, 494, 20, BRASS)


def poster(canvas: Canvas, tones: Tones) -> None:
    canvas.box(196, 200, 604, 760, WOOD_DARK, 4)
    canvas.box(212, 216, 588, 744, (250, 246, 238))
    canvas.circle(440, 400, 96, tones.base)
    canvas.path("M212 744 L 212 600 C 300 520 380 560 440 610 C 500 560 550 560 588 590 L 588 744 Z", tones.dark)
    canvas.path("M212 744 L 212 680 C 320 610 460 650 588 690 L 588 744 Z", tones.light)


def vase(canvas: Canvas, tones: Tones) -> None:
    for x, y, lean in ((300, 210, -90), (400, 150, 0), (504, 226, 96)):
        canvas.stroke(f"M{400 + lean // 8} 480 C {400 + lean // 3} 400 {x} 340 {x} {y}", LEAF_DARK, 7)
        for step in range(4):
            _leaf(canvas, x - lean * step * 0.14, y + step * 58, 34)
        canvas.circle(x, y, 26, (240, 226, 196))
        canvas.circle(x, y, 12, BRASS)
    canvas.path(
        (
            "M350 440 L 450 440 C 450 500 560 560 560 670 C 560 760 500 806 400 806 C 300 806 240 760 240 670"
            " C 240 560 350 500 350 440 Z"
        ),
        tones.base,
    )
    canvas.path(
        (
            "M350 440 L 386 440 C 384 510 300 570 296 680 C 294 740 320 790 372 805 C 290 800 240 754 240 670"
            " C 240 560 350 500 350 440 Z"
        ),
        tones.light,
    )
    canvas.ellipse(400, 440, 52, 13, tones.line)


def _leaf(canvas: Canvas, x: float, y: float, size: float) -> None:
    canvas.ellipse(x - size * 0.7, y + size * 0.3, size * 0.8, size * 0.34, LEAF)
    canvas.ellipse(x + size * 0.7, y + size * 0.6, size * 0.8, size * 0.34, mix(LEAF, WHITE, 0.15))
