"""Drawings of fruit and vegetables, as they lie on a counter whose edge is at 800."""

from __future__ import annotations

from shop.demo.drawings.canvas import Canvas, Colour, Tones, mix

LEAF: Colour = (104, 158, 78)
LEAF_DARK: Colour = (66, 118, 60)
STEM: Colour = (120, 84, 56)
PALE: Colour = (246, 238, 220)


def apple(canvas: Canvas, tones: Tones) -> None:
    _apple(canvas, Tones(tones.dark, tones.pale, tones.base, tones.line, tones.line), 560, 640, 0.72)
    _apple(canvas, tones, 310, 595, 0.92)


def citrus(canvas: Canvas, tones: Tones) -> None:
    for x, y, radius in ((280, 470, 116), (520, 480, 120), (400, 640, 160)):
        canvas.circle(x, y, radius, tones.dark)
        canvas.circle(x - radius * 0.05, y - radius * 0.06, radius * 0.94, tones.base)
        canvas.ellipse(x - radius * 0.38, y - radius * 0.44, radius * 0.24, radius * 0.15, tones.light)
        canvas.circle(x + radius * 0.1, y - radius * 0.5, radius * 0.09, LEAF_DARK)
    canvas.path("M412 556 C 440 480 520 470 570 500 C 530 560 470 580 412 556 Z", LEAF)


def pear(canvas: Canvas, tones: Tones) -> None:
    canvas.stroke("M404 330 C 400 280 410 250 430 226", STEM, 15)
    canvas.path("M420 300 C 470 230 560 240 590 260 C 560 320 480 330 420 300 Z", LEAF)
    canvas.path(
        "M400 320 C 540 316 620 430 620 560 C 620 720 520 806 400 806 C 280 806 180 720 180 560"
        " C 180 430 260 316 400 320 Z",
        tones.base,
    )
    canvas.path("M300 350 C 230 420 220 560 250 660 C 200 620 180 560 184 540 C 190 450 240 370 300 350 Z", tones.light)
    for x, y in ((440, 480), (520, 560), (380, 620), (470, 700), (340, 520), (540, 660), (400, 740)):
        canvas.circle(x, y, 6, tones.dark)


def grapes(canvas: Canvas, tones: Tones) -> None:
    canvas.stroke("M400 360 C 396 300 410 270 440 240", STEM, 14)
    canvas.path("M396 350 C 300 250 220 280 180 330 C 240 330 270 400 396 370 Z", LEAF)
    for row, count in enumerate((4, 5, 4, 3, 2, 1)):
        for index in range(count):
            x, y = 400 + (index - (count - 1) / 2) * 92, 410 + row * 72
            canvas.circle(x, y, 54, tones.dark)
            canvas.circle(x - 4, y - 5, 48, tones.base)
            canvas.circle(x - 17, y - 18, 12, tones.light)


def strawberry(canvas: Canvas, tones: Tones) -> None:
    behind = Tones(tones.dark, tones.pale, tones.base, tones.line, tones.line)
    for x, y, size in ((260, 470, 0.85), (540, 480, 0.85)):
        _strawberry(canvas, behind, x, y, size)
    _strawberry(canvas, tones, 400, 590, 1.0)


def carrot(canvas: Canvas, tones: Tones) -> None:
    root = "M-74 430 C -60 396 60 396 74 430 C 70 600 30 760 0 810 C -30 760 -70 600 -74 430 Z"
    shine = "M-74 430 C -66 410 -46 404 -30 404 C -40 560 -20 720 0 810 C -30 760 -70 600 -74 430 Z"
    for x in (250, 550, 400):
        for lean in (-54, -18, 20, 58):
            leaf = f"M0 440 C {lean * 0.4} 360 {lean} 300 {lean * 1.2} 210"
            canvas.stroke(leaf, LEAF if lean > 0 else LEAF_DARK, 17, at=(x, 0))
        canvas.path(root, tones.base, at=(x, 0))
        canvas.path(shine, tones.light, at=(x, 0))
        for y in (500, 580, 660):
            canvas.stroke(f"M{x + 16} {y} L {x + 50 - (y - 500) // 8} {y - 6}", tones.dark, 7)


def cabbage(canvas: Canvas, tones: Tones) -> None:
    canvas.path(
        "M400 190 C 560 180 640 330 620 500 C 610 660 520 806 400 806 C 280 806 190 660 180 500"
        " C 160 330 240 180 400 190 Z",
        tones.dark,
    )
    canvas.path(
        "M400 210 C 500 190 560 300 556 470 C 550 650 490 806 400 806 C 310 806 250 650 244 470"
        " C 240 300 300 190 400 210 Z",
        tones.base,
    )
    canvas.path(
        "M400 300 C 470 280 500 380 494 520 C 486 690 450 806 400 806 C 350 806 314 690 306 520"
        " C 300 380 330 280 400 300 Z",
        tones.light,
    )
    canvas.path("M400 460 C 440 520 446 700 424 806 L 376 806 C 354 700 360 520 400 460 Z", PALE)
    for data in ("M400 640 C 350 560 300 480 280 360", "M400 600 C 360 520 340 440 340 330"):
        canvas.stroke(data, PALE, 9, mirror=True)


def radish(canvas: Canvas, tones: Tones) -> None:
    for lean in (-120, -60, 0, 60, 120):
        near, far = lean * 1.4, lean * 1.6
        leaf = f"M0 400 C {lean - 50} 330 {near - 30} 240 {far} 150 C {near + 50} 240 {lean + 40} 330 0 400 Z"
        canvas.path(leaf, LEAF if lean % 120 else LEAF_DARK, at=(400, 0))
    root = (
        "M280 420 C 300 370 500 370 520 420 C 560 540 540 700 450 790 C 424 812 376 812 350 790"
        " C 260 700 240 540 280 420 Z"
    )
    canvas.path(root, tones.base)
    canvas.inside(root, lambda sheet: sheet.ellipse(400, 400, 190, 130, mix(tones.base, LEAF, 0.35)))
    canvas.path("M290 440 C 270 540 290 680 360 790 C 260 700 240 560 276 440 Z", tones.light)


def scallion(canvas: Canvas, tones: Tones) -> None:
    for index, lean in enumerate((-90, -45, 0, 45, 90)):
        stalk = f"M{lean * 0.6} 560 C {lean} 420 {lean * 1.6} 300 {lean * 2} 170"
        canvas.stroke(stalk, (tones.base, tones.dark)[index % 2], 36, at=(400, 0))
        canvas.stroke(f"M{lean * 0.6} 560 L {lean * 0.7} 760", PALE, 36, at=(400, 0))
        canvas.stroke(f"M{lean * 0.7} 776 L {lean * 0.8 - 10} 830", (224, 214, 190), 6, at=(400, 0))
    canvas.box(320, 580, 480, 622, (224, 110, 90), 10)


def mushroom(canvas: Canvas, tones: Tones) -> None:
    stem = "M-50 0 L 50 0 L 62 230 C 40 262 -40 262 -62 230 Z"
    cap = "M-170 20 C -170 -190 170 -190 170 20 C 90 60 -90 60 -170 20 Z"
    shine = "M-150 0 C -140 -120 -60 -140 0 -136 C -80 -110 -110 -60 -150 0 Z"
    for x, y, size, colour in ((270, 600, 0.8, tones.dark), (540, 615, 0.75, tones.dark), (400, 530, 1.05, tones.base)):
        canvas.path(stem, PALE, at=(x, y), size=size)
        canvas.path(cap, colour, at=(x, y), size=size)
        canvas.path(shine, tones.light, at=(x, y), size=size)


def potato(canvas: Canvas, tones: Tones) -> None:
    for x, y, rx, ry in ((290, 560, 130, 100), (530, 580, 126, 96), (400, 690, 178, 118)):
        canvas.ellipse(x, y, rx, ry, tones.dark)
        canvas.ellipse(x - 6, y - 8, rx * 0.95, ry * 0.92, tones.base)
        canvas.ellipse(x - rx * 0.35, y - ry * 0.4, rx * 0.34, ry * 0.2, tones.light)
        for dx, dy in ((0.3, 0.2), (-0.2, 0.4), (0.5, -0.3)):
            canvas.ellipse(x + rx * dx, y + ry * dy, 11, 6, tones.line)


def pepper(canvas: Canvas, tones: Tones) -> None:
    for x, bend in ((250, -40), (400, 0), (550, 40)):
        pod = (
            f"M-58 360 C -40 332 40 332 58 360 C 70 540 {30 + bend} 700 {bend * 1.6} 806"
            f" C {bend - 50} 700 -70 540 -58 360 Z"
        )
        shine = f"M-46 372 C -50 500 {bend * 0.4 - 40} 620 {bend - 16} 720 C {bend * 0.6 - 66} 620 -70 480 -46 372 Z"
        canvas.stroke("M0 350 C 0 310 12 290 24 270", LEAF_DARK, 17, at=(x, 0))
        canvas.path(pod, tones.base, at=(x, 0))
        canvas.path(shine, tones.light, at=(x, 0))
        canvas.path("M-60 366 C -40 326 40 326 60 366 C 20 384 -20 384 -60 366 Z", LEAF, at=(x, 0))


def _apple(canvas: Canvas, tones: Tones, x: float, y: float, size: float) -> None:
    body = (
        "M0 -140 C 60 -190 230 -190 230 10 C 230 150 110 230 60 226 C 30 222 20 212 0 212"
        " C -20 212 -30 222 -60 226 C -110 230 -230 150 -230 10 C -230 -190 -60 -190 0 -140 Z"
    )
    shine = "M-150 -120 C -210 -60 -210 80 -140 170 C -210 110 -240 20 -226 -40 C -214 -90 -190 -116 -150 -120 Z"
    canvas.stroke("M0 -150 C -6 -190 6 -220 30 -250", STEM, 15 * size, at=(x, y), size=size)
    canvas.path("M14 -180 C 60 -260 140 -250 170 -230 C 140 -170 70 -150 14 -180 Z", LEAF, at=(x, y), size=size)
    canvas.path(body, tones.base, at=(x, y), size=size)
    canvas.path(shine, tones.light, at=(x, y), size=size)
    canvas.path("M-36 -132 C -10 -112 10 -112 36 -132 C 20 -150 -20 -150 -36 -132 Z", tones.dark, at=(x, y), size=size)


def _strawberry(canvas: Canvas, tones: Tones, x: float, y: float, size: float) -> None:
    body = "M-130 -60 C -110 -150 110 -150 130 -60 C 150 60 50 190 0 210 C -50 190 -150 60 -130 -60 Z"
    canvas.path(body, tones.base, at=(x, y), size=size)
    for dx, dy in ((-70, -40), (0, -20), (70, -40), (-44, 40), (44, 40), (0, 100), (-90, 20), (90, 20)):
        canvas.ellipse(x + dx * size, y + dy * size, 7 * size, 11 * size, (250, 220, 140))
    for dx in (-90, -45, 0, 45, 90):
        canvas.path(f"M0 -110 L {dx - 20} -100 L {dx} -40 L {dx + 26} -104 Z", LEAF, at=(x, y), size=size)
    canvas.stroke("M0 -110 L 10 -160", LEAF_DARK, 12 * size, at=(x, y), size=size)
