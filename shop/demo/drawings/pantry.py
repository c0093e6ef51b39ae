"""Drawings of bread, fish, meat and of what comes in jars and bags, as it stands on a counter whose edge is at 800."""

from __future__ import annotations

from shop.demo.drawings.canvas import BLACK, WHITE, Canvas, Colour, Tones, mix

LEAF: Colour = (104, 158, 78)
PAPER: Colour = (246, 238, 220)


def bread(canvas: Canvas, tones: Tones) -> None:
    canvas.path(
        "M150 560 C 110 420 240 360 400 360 C 560 360 690 420 650 560 L 640 770 C 638 796 626 806 600 806"
        " L 200 806 C 174 806 162 796 160 770 Z",
        tones.base,
    )
    canvas.path("M150 560 C 110 420 240 360 400 360 C 560 360 690 420 650 560 C 560 600 240 600 150 560 Z", tones.dark)
    for x in (270, 400, 530):
        canvas.path(
            f"M{x - 16} 400 C {x + 26} 440 {x + 26} 520 {x - 10} 560 C {x + 4} 500 {x} 450 {x - 16} 400 Z", tones.pale
        )


def bun(canvas: Canvas, tones: Tones) -> None:
    dome = "M-100 70 C -120 -100 120 -100 100 70 C 50 100 -50 100 -100 70 Z"
    for x, y, size, colour in ((250, 690, 1.4, tones.dark), (550, 690, 1.4, tones.dark), (400, 650, 1.6, tones.base)):
        canvas.path(dome, colour, at=(x, y), size=size)
        canvas.ellipse(x - 30 * size, y - 25 * size, 30 * size, 14 * size, tones.light)
        for dx, dy in ((10, -30), (35, 0), (5, 15), (-30, 10)):
            canvas.ellipse(x + dx * size, y + dy * size, 8, 5, tones.pale)


def carton(canvas: Canvas, tones: Tones) -> None:
    canvas.path("M260 380 L 320 250 L 480 250 L 540 380 Z", tones.light)
    canvas.box(312, 210, 488, 262, tones.base, 8)
    canvas.box(260, 380, 540, 806, PAPER, 4)
    canvas.box(260, 560, 540, 806, tones.base, 4)
    canvas.path("M260 560 C 330 500 380 610 460 550 C 500 524 520 540 540 548 L 540 600 L 260 600 Z", tones.base)
    canvas.circle(400, 470, 52, tones.dark)
    canvas.path("M400 434 C 424 466 426 490 400 502 C 374 490 376 466 400 434 Z", PAPER)
    canvas.box(320, 680, 480, 696, tones.pale, 8)
    canvas.box(344, 716, 456, 728, tones.pale, 6)


def bottle(canvas: Canvas, tones: Tones) -> None:
    canvas.box(358, 170, 442, 240, tones.line, 12)
    canvas.path(
        "M366 236 L 434 236 L 438 340 C 500 390 516 430 516 480 L 516 760 C 516 796 500 806 472 806"
        " L 328 806 C 300 806 284 796 284 760 L 284 480 C 284 430 300 390 362 340 Z",
        tones.base,
    )
    canvas.path(
        "M366 236 L 386 236 L 384 346 C 332 396 320 430 320 480 L 320 806 C 296 804 284 792 284 760"
        " L 284 480 C 284 430 300 390 362 340 Z",
        tones.light,
    )
    _label(canvas, tones, 284, 500, 516, 700)


def jar(canvas: Canvas, tones: Tones) -> None:
    canvas.path(
        "M240 400 C 240 370 260 360 290 360 L 510 360 C 540 360 560 370 560 400 L 560 750"
        " C 560 790 540 806 500 806 L 300 806 C 260 806 240 790 240 750 Z",
        tones.base,
    )
    canvas.path("M240 400 C 240 370 260 360 290 360 L 296 360 L 290 806 C 256 804 240 788 240 750 Z", tones.light)
    canvas.box(256, 290, 544, 366, tones.line, 14)
    canvas.box(256, 290, 544, 316, mix(tones.line, WHITE, 0.2), 12)
    _label(canvas, tones, 240, 480, 560, 690)


def crock(canvas: Canvas, tones: Tones) -> None:
    """A potter's jar for kimchi and pastes."""
    canvas.path(
        "M280 340 L 520 340 C 600 420 640 520 610 640 C 590 740 540 806 480 806 L 320 806"
        " C 260 806 210 740 190 640 C 160 520 200 420 280 340 Z",
        tones.base,
    )
    canvas.path(
        "M290 340 L 340 340 C 270 430 240 600 300 806 C 250 790 206 720 190 640 C 164 520 210 420 290 340 Z",
        tones.light,
    )
    canvas.path("M180 560 C 300 600 500 600 620 560 L 618 604 C 500 640 300 640 184 604 Z", tones.dark)
    canvas.ellipse(400, 336, 150, 30, tones.dark)
    canvas.path("M262 318 C 270 250 530 250 538 318 C 500 344 300 344 262 318 Z", tones.line)
    canvas.box(372, 226, 428, 268, tones.line, 14)


def sack(canvas: Canvas, tones: Tones) -> None:
    canvas.path(
        "M270 330 C 220 420 200 620 216 760 C 220 796 240 806 270 806 L 530 806 C 560 806 580 796 584 760"
        " C 600 620 580 420 530 330 Z",
        tones.base,
    )
    canvas.path(
        "M270 330 C 220 420 200 620 216 760 C 220 796 240 806 270 806 L 300 806 C 270 640 280 460 320 330 Z",
        tones.light,
    )
    canvas.path(
        "M264 330 C 230 260 260 230 300 250 C 330 210 370 250 400 224 C 430 250 470 210 500 250"
        " C 540 230 570 260 536 330 Z",
        tones.dark,
    )
    canvas.box(256, 318, 544, 350, (196, 92, 76), 14)
    _label(canvas, tones, 290, 470, 510, 680)


def egg(canvas: Canvas, tones: Tones) -> None:
    shell = "M0 -110 C 80 -110 100 130 0 130 C -100 130 -80 -110 0 -110 Z"
    for x, y in ((290, 540), (400, 520), (510, 540)):
        canvas.path(shell, tones.base, at=(x, y))
        canvas.ellipse(x - 24, y - 30, 14, 30, tones.pale)
    canvas.path(
        "M160 590 C 200 640 240 640 290 600 C 330 640 370 640 400 600 C 430 640 470 640 510 600"
        " C 560 640 600 640 640 590 L 620 770 C 616 796 604 806 580 806 L 220 806"
        " C 196 806 184 796 180 770 Z",
        (150, 140, 130),
    )
    canvas.box(176, 740, 624, 756, (126, 118, 110))


def fish(canvas: Canvas, tones: Tones) -> None:
    for y in (460, 660):
        canvas.path("M560 0 L 690 -80 L 670 0 L 690 80 Z", tones.dark, at=(0, y))
        canvas.path("M120 0 C 220 -130 440 -120 600 0 C 440 120 220 130 120 0 Z", tones.base, at=(0, y))
        canvas.path("M120 0 C 220 130 440 120 600 0 C 440 50 240 50 120 0 Z", tones.pale, at=(0, y))
        canvas.path("M300 -92 C 340 -150 420 -140 450 -80 Z", tones.dark, at=(0, y))
        canvas.stroke("M256 -70 C 286 -20 286 20 256 70", tones.dark, 8, at=(0, y))
        canvas.circle(196, y - 22, 17, WHITE)
        canvas.circle(196, y - 22, 9, BLACK)


def noodles(canvas: Canvas, tones: Tones) -> None:
    canvas.path("M220 250 L 580 250 L 600 806 L 200 806 Z", tones.base)
    for x in range(220, 580, 24):
        canvas.path(f"M{x} 250 L {x + 12} 232 L {x + 24} 250 Z", tones.dark)
        canvas.path(f"M{x} 800 L {x + 12} 822 L {x + 24} 800 Z", tones.dark)
    canvas.path("M220 250 L 270 250 L 262 806 L 200 806 Z", tones.light)
    canvas.circle(400, 560, 150, PAPER)
    for index in range(5):
        y = 500 + index * 30
        canvas.stroke(
            f"M290 {y} C 330 {y - 34} 360 {y + 34} 400 {y} C 440 {y - 34} 470 {y + 34} 510 {y}", (232, 190, 96), 13
        )
    canvas.box(290, 320, 510, 360, PAPER, 8)


def tofu(canvas: Canvas, tones: Tones) -> None:
    canvas.path("M180 520 L 300 430 L 660 430 L 620 520 Z", PAPER)
    canvas.path("M620 520 L 660 430 L 660 690 L 620 790 Z", tones.dark)
    canvas.box(180, 520, 620, 790, tones.base, 8)
    for x in (290, 400, 510):
        canvas.stroke(f"M{x} 530 L {x} 780", tones.light, 7)
    canvas.stroke("M190 654 L 612 654", tones.light, 7)
    canvas.path("M330 470 C 370 400 450 390 500 410 C 470 460 400 480 330 470 Z", LEAF)


def meat(canvas: Canvas, tones: Tones) -> None:
    slice_ = (
        "M190 50 C 200 -20 380 20 440 -4 C 540 -30 620 0 612 60 C 600 130 460 90 380 112 C 280 134 190 120 190 50 Z"
    )
    canvas.box(140, 340, 660, 800, (44, 44, 50), 40)
    for y in (400, 520, 640):
        canvas.path(slice_, tones.base, at=(0, y))
        canvas.stroke("M220 50 C 320 10 420 70 580 34", tones.pale, 15, at=(0, y))
        canvas.stroke("M240 86 C 340 60 440 96 540 72", tones.pale, 9, at=(0, y))


def box(canvas: Canvas, tones: Tones) -> None:
    """A gift box with a ribbon."""
    canvas.box(200, 450, 600, 806, tones.base, 8)
    canvas.box(200, 450, 260, 806, tones.light, 8)
    canvas.box(176, 380, 624, 472, tones.dark, 10)
    canvas.box(370, 380, 430, 806, tones.pale)
    canvas.path("M400 380 C 300 380 240 300 290 264 C 340 240 390 310 400 380 Z", tones.pale, mirror=True)
    canvas.circle(400, 374, 26, WHITE)


def _label(canvas: Canvas, tones: Tones, left: float, top: float, right: float, bottom: float) -> None:
    canvas.box(left, top, right, bottom, PAPER)
    middle, high = (left + right) / 2, (top + bottom) / 2
    canvas.circle(middle, high - 26, 38, tones.base)
    canvas.box(middle - 62, high + 34, middle + 62, high + 46, tones.line, 6)
    canvas.box(middle - 40, high + 62, middle + 40, high + 71, tones.base, 5)
