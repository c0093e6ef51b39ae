"""Drawings of clothes, bags and shoes, as they lie flat on a table."""

from __future__ import annotations

from collections.abc import Callable

from shop.demo.drawings import patterns
from shop.demo.drawings.canvas import WHITE, Canvas, Tones, mix

Paint = Callable[[Canvas, Tones], None]

LONG_SLEEVE = "M262 268 C 200 300 176 380 158 480 L 112 706 C 134 724 168 732 194 728 L 276 470 Z"
SHORT_SLEEVE = "M262 268 C 206 296 168 352 134 432 C 160 462 204 484 244 488 L 290 400 Z"
TORSO = (
    "M330 236 C 300 246 280 256 256 270 C 268 350 272 420 268 500 L 256 806 C 340 822 460 822 544 806"
    " L 532 500 C 528 420 532 350 544 270 C 520 256 500 246 470 236 C 440 272 360 272 330 236 Z"
)
SLEEVELESS = (
    "M322 226 L 292 236 C 300 310 286 372 252 404 C 266 520 262 660 246 800 C 340 820 460 820 554 800"
    " C 538 660 534 520 548 404 C 514 372 500 310 508 236 L 478 226 C 470 316 330 316 322 226 Z"
)


def shirt(canvas: Canvas, tones: Tones, pattern: Paint | None = None) -> None:
    """A buttoned shirt with a collar and long sleeves."""
    _body(canvas, tones, LONG_SLEEVE, TORSO, pattern)
    canvas.path("M158 672 L 118 660 L 108 712 C 134 728 168 736 196 732 L 208 690 Z", tones.dark, mirror=True)
    canvas.stroke("M400 290 L 400 812", tones.dark, 5)
    for y in range(340, 800, 88):
        canvas.circle(400, y, 8, tones.pale)
    canvas.path("M338 214 C 360 200 440 200 462 214 L 470 246 L 400 276 L 330 246 Z", tones.line)
    canvas.path("M338 212 L 318 244 L 352 330 L 402 272 C 376 262 352 244 338 212 Z", tones.light, mirror=True)
    canvas.path("M452 410 L 512 410 L 512 470 L 482 486 L 452 470 Z", tones.light)


def tee(canvas: Canvas, tones: Tones, pattern: Paint | None = None) -> None:
    """A T-shirt with a round neck and a small pocket."""
    _body(canvas, tones, SHORT_SLEEVE, TORSO, pattern)
    canvas.stroke("M146 428 C 172 454 208 470 240 474", tones.pale, 9, mirror=True)
    _round_neck(canvas, tones)
    canvas.path("M450 408 L 514 408 L 514 470 Q 482 492 450 470 Z", tones.pale)


def long_sleeve(canvas: Canvas, tones: Tones, pattern: Paint | None = None) -> None:
    """A plain top with long sleeves."""
    _body(canvas, tones, LONG_SLEEVE, TORSO, pattern)
    _round_neck(canvas, tones)
    canvas.path("M257 772 L 256 806 C 340 822 460 822 544 806 L 543 772 C 460 788 340 788 257 772 Z", tones.dark)


def jumper(canvas: Canvas, tones: Tones) -> None:
    """A knitted jumper with wide sleeves."""
    sleeve = "M266 262 C 176 300 128 420 96 640 C 92 700 120 736 150 742 C 190 740 216 716 220 690 L 290 470 Z"
    _body(canvas, tones, sleeve, TORSO, patterns.knitted)
    canvas.path(
        "M92 664 L 100 736 C 126 752 176 752 204 738 L 222 668 C 180 690 130 688 92 664 Z", tones.dark, mirror=True
    )
    canvas.path("M256 754 L 254 812 C 340 832 460 832 546 812 L 544 754 C 460 772 340 772 256 754 Z", tones.dark)
    canvas.path("M326 232 C 350 204 450 204 474 232 C 462 296 338 296 326 232 Z", tones.dark)
    canvas.path("M344 230 C 366 216 434 216 456 230 C 440 264 360 264 344 230 Z", tones.line)


def varsity(canvas: Canvas, tones: Tones) -> None:
    """A buttoned varsity top: dark body, pale sleeves, striped cuffs, a letter."""
    canvas.path(LONG_SLEEVE, tones.pale, mirror=True)
    canvas.path(TORSO, tones.base)
    canvas.path("M118 672 C 146 690 176 698 206 694 L 194 728 C 168 732 134 724 112 706 Z", tones.line, mirror=True)
    canvas.path("M258 768 L 256 806 C 340 822 460 822 544 806 L 542 768 C 460 784 340 784 258 768 Z", tones.line)
    canvas.stroke("M120 692 C 146 708 172 714 194 712", tones.pale, 6, mirror=True)
    canvas.stroke("M260 788 C 340 804 460 804 540 788", tones.pale, 6)
    canvas.stroke("M334 240 C 356 284 384 300 400 304 L 400 812", tones.pale, 6)
    canvas.stroke("M466 240 C 444 284 416 300 400 304", tones.pale, 6)
    for y in range(366, 780, 80):
        canvas.circle(400, y, 9, WHITE)
    canvas.path("M456 400 L 516 400 L 516 424 L 480 424 L 480 480 L 456 480 Z", tones.pale)


def sleeveless(canvas: Canvas, tones: Tones, pattern: Paint | None = None) -> None:
    """A summer top without sleeves."""
    canvas.path("M330 236 C 350 276 450 276 470 236 L 480 330 L 320 330 Z", tones.dark)
    canvas.path(SLEEVELESS, tones.base)
    if pattern:
        canvas.inside(SLEEVELESS, lambda sheet: pattern(sheet, tones))
    canvas.stroke("M322 228 C 330 316 470 316 478 228", tones.light, 9)


def jacket(canvas: Canvas, tones: Tones) -> None:
    """A zipped jacket with a stand-up collar and two pockets."""
    _body(canvas, tones, LONG_SLEEVE, TORSO, None)
    canvas.path("M256 762 L 256 812 C 340 828 460 828 544 812 L 544 762 C 460 778 340 778 256 762 Z", tones.dark)
    canvas.path("M122 656 L 108 712 C 134 728 168 736 196 732 L 212 684 Z", tones.line, mirror=True)
    canvas.path("M330 240 C 334 190 466 190 470 240 C 462 292 338 292 330 240 Z", tones.line)
    canvas.path(
        "M328 248 C 326 214 334 202 348 206 C 354 244 380 270 400 284 L 400 322 C 360 308 334 288 328 248 Z",
        tones.light,
        mirror=True,
    )
    canvas.stroke("M400 300 L 400 818", tones.line, 12)
    canvas.stroke("M400 300 L 400 818", mix(WHITE, tones.base, 0.3), 3)
    canvas.box(391, 336, 409, 372, mix(WHITE, tones.base, 0.2), 6)
    canvas.stroke("M300 640 L 344 560", tones.line, 8, mirror=True)
    canvas.path("M270 420 C 320 440 360 446 394 446 L 394 462 C 350 462 310 456 270 438 Z", tones.light)
    canvas.path("M530 420 C 480 440 440 446 406 446 L 406 462 C 450 462 490 456 530 438 Z", tones.light)


def leather_jacket(canvas: Canvas, tones: Tones) -> None:
    """A biker's jacket with a zip across and a belt."""
    _body(canvas, tones, LONG_SLEEVE, TORSO, None)
    canvas.path("M330 236 L 300 250 L 340 420 L 420 330 C 380 300 346 280 330 236 Z", tones.light)
    canvas.path("M470 236 L 500 250 L 474 410 L 392 330 C 430 300 460 280 470 236 Z", tones.light)
    canvas.path("M340 226 C 370 214 430 214 460 226 C 446 262 416 300 400 318 C 384 300 354 262 340 226 Z", tones.line)
    zip_colour = mix(WHITE, tones.base, 0.25)
    canvas.stroke("M440 372 L 352 810", zip_colour, 5)
    canvas.stroke("M452 560 L 512 520", zip_colour, 5)
    canvas.stroke("M288 600 L 330 640", zip_colour, 5)
    canvas.path("M256 750 L 256 796 C 340 812 460 812 544 796 L 544 750 C 460 766 340 766 256 750 Z", tones.line)
    canvas.box(384, 754, 432, 812, zip_colour, 8)
    canvas.box(394, 764, 422, 802, tones.line, 5)


def coat(canvas: Canvas, tones: Tones) -> None:
    """A quilted winter jacket with a hood."""
    canvas.path("M300 270 C 300 120 500 120 500 270 C 470 310 330 310 300 270 Z", tones.dark)
    canvas.path("M330 262 C 336 164 464 164 470 262 C 440 300 360 300 330 262 Z", mix(WHITE, tones.base, 0.12))
    _body(canvas, tones, LONG_SLEEVE, TORSO, None)
    for y in range(360, 800, 76):
        canvas.stroke(f"M270 {y} C 320 {y + 18} 480 {y + 18} 530 {y}", tones.dark, 6)
    for y in range(380, 660, 80):
        canvas.stroke(f"M{206 - (y - 380) // 5} {y} L {262 - (y - 380) // 6} {y + 26}", tones.line, 5, mirror=True)
    canvas.path("M330 240 C 350 262 450 262 470 240 C 470 300 440 330 400 340 C 360 330 330 300 330 240 Z", tones.light)
    canvas.stroke("M400 330 L 400 814", tones.line, 9)


def blazer(canvas: Canvas, tones: Tones, pattern: Paint | None = None) -> None:
    """A tuxedo with a shawl collar, a white shirt and a bow tie."""
    canvas.path(LONG_SLEEVE, tones.dark, mirror=True)
    canvas.path(TORSO, tones.base)
    if pattern:
        canvas.inside(TORSO, lambda sheet: pattern(sheet, tones))
    canvas.path("M340 226 L 460 226 L 400 540 Z", WHITE)
    canvas.path("M330 228 C 306 300 330 420 398 560 L 404 520 C 366 420 352 320 356 232 Z", tones.line, mirror=True)
    canvas.path("M400 262 C 380 240 356 236 346 242 L 346 296 C 360 300 382 292 400 274 Z", tones.line, mirror=True)
    canvas.box(388, 254, 412, 284, tones.line, 8)
    canvas.stroke("M400 556 L 400 812", tones.line, 4)
    for y in (600, 676):
        canvas.circle(414, y, 9, tones.line)
    canvas.stroke("M292 640 L 350 632", tones.line, 9, mirror=True)


def skirt(canvas: Canvas, tones: Tones) -> None:
    """A short top above a pleated, striped skirt."""
    skirt_shape = "M308 478 L 492 478 C 530 600 570 720 590 850 C 480 880 320 880 210 850 C 230 720 270 600 308 478 Z"
    canvas.path(skirt_shape, tones.pale)
    canvas.inside(skirt_shape, _pleats(tones))
    canvas.path("M306 466 L 494 466 L 500 502 L 300 502 Z", tones.line)
    canvas.path("M268 240 C 232 260 204 300 186 352 C 206 376 236 390 262 394 L 300 330 Z", tones.dark, mirror=True)
    top = (
        "M332 206 L 262 240 C 284 330 290 400 300 478 L 500 478 C 510 400 516 330 538 240 L 468 206"
        " C 440 250 360 250 332 206 Z"
    )
    canvas.path(top, tones.base)
    canvas.stroke("M332 206 C 360 250 440 250 468 206", tones.light, 8)


def dress(canvas: Canvas, tones: Tones, pattern: Paint | None = None) -> None:
    """A summer dress with a waist."""
    shape = (
        "M334 190 L 306 200 C 312 280 306 320 286 350 C 306 420 322 460 318 500 C 280 620 226 740 196 860"
        " C 320 892 480 892 604 860 C 574 740 520 620 482 500 C 478 460 494 420 514 350"
        " C 494 320 488 280 494 200 L 466 190 C 452 262 348 262 334 190 Z"
    )
    canvas.path(shape, tones.base)
    if pattern:
        canvas.inside(shape, lambda sheet: pattern(sheet, tones))
    canvas.stroke("M318 498 C 360 514 440 514 482 498", tones.dark, 14)


def bag(canvas: Canvas, tones: Tones) -> None:
    """A leather bag with a flap and two handles."""
    canvas.stroke("M290 440 C 290 190 510 190 510 440", tones.line, 22)
    canvas.path(
        (
            "M214 420 C 200 420 190 430 188 446 L 160 770 C 160 800 176 816 204 816 L 596 816"
            " C 624 816 640 800 640 770 L 612 446 C 610 430 600 420 586 420 Z"
        ),
        tones.base,
    )
    canvas.path(
        "M214 420 C 200 420 190 430 188 446 L 180 540 C 240 632 560 632 620 540 L 612 446 C 610 430 600 420 586 420 Z",
        tones.light,
    )
    canvas.stroke("M180 546 C 240 636 560 636 620 546", tones.dark, 7)
    canvas.box(372, 560, 428, 652, tones.line, 14)
    canvas.circle(400, 610, 13, mix((226, 190, 110), tones.base, 0.1))
    for x in (290, 510):
        canvas.circle(x, 444, 19, mix((226, 190, 110), tones.base, 0.1))


def high_top(canvas: Canvas, tones: Tones) -> None:
    """A high-top shoe with laces and a glowing sole."""
    canvas.path(
        (
            "M238 300 C 300 280 380 284 430 300 L 446 470 C 520 540 620 560 664 604 C 690 634 694 680 684 712"
            " L 186 712 C 178 560 206 440 238 300 Z"
        ),
        tones.base,
    )
    canvas.path("M238 300 C 300 280 380 284 430 300 L 434 352 C 380 334 290 334 228 352 Z", tones.dark)
    canvas.path(
        "M560 548 C 620 566 660 590 680 632 C 690 660 690 690 684 712 L 540 712 C 528 650 536 590 560 548 Z",
        tones.light,
    )
    canvas.path("M190 600 C 250 600 290 640 296 712 L 186 712 Z", tones.light)
    for offset in range(5):
        x, y = 420 + offset * 24, 400 + offset * 40
        canvas.stroke(f"M{x - 76} {y + 16} L {x + 10} {y - 12}", WHITE, 11)
    glow = (116, 236, 130)
    canvas.box(168, 706, 706, 772, WHITE, 26)
    canvas.box(168, 738, 706, 772, glow, 17)
    canvas.path("M260 446 C 300 420 350 420 384 440 L 392 484 C 350 470 300 474 254 496 Z", tones.line)
    canvas.box(350, 440, 388, 484, (226, 190, 110), 6)


def _body(canvas: Canvas, tones: Tones, sleeve: str, torso: str, pattern: Paint | None) -> None:
    canvas.path(sleeve, tones.dark, mirror=True)
    canvas.path(torso, tones.base)
    if pattern:
        canvas.inside(torso, lambda sheet: pattern(sheet, tones))
    canvas.stroke("M268 330 C 274 400 270 440 268 480", tones.line, 4, mirror=True)


def _round_neck(canvas: Canvas, tones: Tones) -> None:
    canvas.path("M330 236 C 352 224 448 224 470 236 C 446 292 354 292 330 236 Z", tones.line)
    canvas.stroke("M330 236 C 354 292 446 292 470 236", tones.light, 12)


def _pleats(tones: Tones) -> Callable[[Canvas], None]:
    def paint(canvas: Canvas) -> None:
        for step in range(-3, 4):
            top, foot = step * 28, step * 60
            pleat = f"M{top - 14} 478 L {top + 14} 478 L {foot + 26} 880 L {foot - 26} 880 Z"
            canvas.path(pleat, tones.dark if step % 2 else tones.light, at=(400, 0))

    return paint
