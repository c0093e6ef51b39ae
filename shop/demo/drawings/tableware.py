"""Drawings of what lies about a home, as it stands on a shelf whose edge is at 800."""

from __future__ import annotations

from shop.demo.drawings.canvas import BLACK, WHITE, Canvas, Colour, Tones, around, mix

WOOD: Colour = (188, 142, 98)
WOOD_DARK: Colour = (146, 104, 68)


def mug(canvas: Canvas, tones: Tones) -> None:
    body = "M236 420 L 560 420 L 548 740 C 544 790 516 806 476 806 L 320 806 C 280 806 252 790 248 740 Z"
    canvas.stroke("M540 500 C 650 480 660 680 530 690", tones.dark, 36)
    canvas.path(body, tones.base)
    canvas.path("M236 420 L 300 420 L 308 806 C 276 804 252 790 248 740 Z", tones.light)
    canvas.inside(body, lambda sheet: sheet.box(200, 640, 600, 820, tones.pale))
    canvas.ellipse(398, 420, 162, 34, tones.dark)
    canvas.ellipse(398, 428, 140, 24, (92, 58, 42))
    for x in (360, 436):
        canvas.stroke(f"M{x} 350 C {x - 40} 300 {x + 40} 260 {x} 200", mix(canvas.ground, WHITE, 0.55), 13)


def bowl(canvas: Canvas, tones: Tones) -> None:
    for lift, tone in ((0, tones.dark), (84, tones.base), (168, tones.light)):
        y = 700 - lift
        canvas.path(
            f"M190 {y - 60} C 210 {y + 60} 300 {y + 104} 400 {y + 104} C 500 {y + 104} 590 {y + 60} 610 {y - 60} Z",
            tone,
        )
        canvas.ellipse(400, y - 60, 210, 36, tones.pale)
    canvas.ellipse(400, 472, 184, 27, tones.dark)


def plate(canvas: Canvas, tones: Tones) -> None:
    canvas.circle(400, 540, 270, tones.dark)
    canvas.circle(400, 532, 268, tones.base)
    canvas.circle(400, 532, 190, tones.light)
    canvas.circle(400, 532, 172, tones.base)
    for index in range(12):
        canvas.circle(*around(400, 532, 228, index / 12), 9, tones.pale)


def cushion(canvas: Canvas, tones: Tones) -> None:
    shape = (
        "M180 330 C 300 376 500 376 620 330 C 580 470 580 620 620 760 C 500 716 300 716 180 760"
        " C 220 620 220 470 180 330 Z"
    )
    canvas.path(shape, tones.base)

    def stitch(sheet: Canvas) -> None:
        for x in range(160, 660, 84):
            sheet.stroke(f"M{x} 320 L {x} 780", tones.light, 26)
            sheet.stroke(f"M{x + 42} 320 L {x + 42} 780", tones.dark, 6)

    canvas.inside(shape, stitch)
    for x, y in ((180, 330), (620, 330), (180, 760), (620, 760)):
        canvas.circle(x, y, 24, tones.line)


def blanket(canvas: Canvas, tones: Tones) -> None:
    for index, y in enumerate((700, 610, 520, 430)):
        tone = (tones.dark, tones.base, tones.light, tones.base)[index]
        canvas.box(190, y, 610, y + 104, tone, 50)
        canvas.box(190, y + 44, 560, y + 52, tones.line, 4)
    for x in range(210, 600, 26):
        canvas.stroke(f"M{x} 804 L {x} 836", tones.pale, 8)
    canvas.box(480, 430, 520, 804, tones.pale)


def candle(canvas: Canvas, tones: Tones) -> None:
    canvas.circle(400, 318, 104, mix(canvas.ground, (255, 230, 160), 0.6))
    canvas.path("M400 236 C 440 300 444 340 400 362 C 356 340 360 300 400 236 Z", (250, 184, 84))
    canvas.path("M400 290 C 418 320 420 344 400 356 C 380 344 382 320 400 290 Z", (255, 240, 190))
    canvas.stroke("M400 356 L 400 420", BLACK, 6)
    canvas.box(270, 420, 530, 806, tones.base, 26)
    canvas.box(270, 420, 330, 806, tones.light, 26)
    canvas.ellipse(400, 426, 130, 24, tones.pale)
    canvas.box(318, 560, 482, 690, WHITE, 6)
    canvas.box(344, 596, 456, 606, tones.line, 5)
    canvas.box(364, 628, 436, 636, tones.base, 4)


def pan(canvas: Canvas, tones: Tones) -> None:
    canvas.box(130, 566, 260, 604, WOOD_DARK, 18)
    canvas.box(540, 566, 670, 604, WOOD_DARK, 18)
    canvas.path(
        "M220 520 L 580 520 L 564 760 C 560 796 540 806 508 806 L 292 806 C 260 806 240 796 236 760 Z", tones.base
    )
    canvas.path("M220 520 L 284 520 L 292 806 C 260 806 240 796 236 760 Z", tones.light)
    canvas.path("M208 520 C 220 430 320 396 400 396 C 480 396 580 430 592 520 Z", tones.dark)
    canvas.circle(400, 384, 30, WOOD)


def kettle(canvas: Canvas, tones: Tones) -> None:
    canvas.stroke("M290 420 C 290 250 510 250 510 420", WOOD_DARK, 22)
    canvas.path("M540 560 C 610 540 620 470 668 452 L 700 480 C 660 520 650 640 560 680 Z", tones.dark)
    canvas.path(
        "M250 470 C 290 410 510 410 550 470 C 600 560 600 720 560 806 L 240 806 C 200 720 200 560 250 470 Z", tones.base
    )
    canvas.path(
        "M250 470 C 270 440 320 428 350 426 C 280 500 270 700 300 806 L 240 806 C 200 720 200 560 250 470 Z",
        tones.light,
    )
    canvas.ellipse(400, 432, 84, 18, tones.dark)
    canvas.circle(400, 404, 22, WOOD_DARK)


def towel(canvas: Canvas, tones: Tones) -> None:
    canvas.box(150, 260, 650, 284, WOOD, 12)
    canvas.box(240, 250, 560, 780, tones.base, 12)
    canvas.box(240, 250, 300, 780, tones.light, 12)
    for y in (620, 652, 684):
        canvas.box(240, y, 560, y + 14, tones.pale)
    for x in range(252, 556, 22):
        canvas.stroke(f"M{x} 780 L {x} 812", tones.dark, 6)


def basket(canvas: Canvas, tones: Tones) -> None:
    canvas.stroke("M250 480 C 250 240 550 240 550 480", tones.dark, 24)
    shape = "M200 470 L 600 470 L 556 780 C 552 800 540 806 520 806 L 280 806 C 260 806 248 800 244 780 Z"
    canvas.path(shape, tones.base)

    def weave(sheet: Canvas) -> None:
        for row, y in enumerate(range(486, 820, 36)):
            for x in range(180 + 30 * (row % 2), 640, 60):
                sheet.box(x, y, x + 42, y + 22, (tones.light, tones.dark)[row % 2], 10)

    canvas.inside(shape, weave)
    canvas.box(184, 452, 616, 500, tones.dark, 20)
