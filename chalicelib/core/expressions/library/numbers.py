"""Functions of numbers, and numbers as text for people."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from chalicelib.core.expressions.library.declare import SMALL, Category

NUMBERS = Category("math")
FORMATS = Category("formatting")
_PLACES = range(16)


def _finite(number: int | float) -> int | float:
    if not math.isfinite(number):
        raise ValueError("the number is not finite")
    return number


def round_half_up(number: int | float, places: int) -> Decimal:
    """Rounded as people do, by its decimal digits: half goes away from zero. Raises ValueError outside 0 to 15 places."""
    if places not in _PLACES:
        raise ValueError(f"between 0 and 15 decimals can be kept, not {places}")
    return Decimal(repr(_finite(number))).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _power(base: int | float, exponent: int | float) -> float:
    try:
        result = float(base) ** float(exponent)
    except ZeroDivisionError:
        raise ValueError("0 has no negative power") from None
    except OverflowError:
        raise ValueError("the power is too large") from None
    if isinstance(result, complex):
        raise ValueError("a negative number has no broken power")
    return result


def _clamp(number: Any, least: Any, most: Any) -> float:
    if least > most:
        raise ValueError("the smallest that is allowed is larger than the largest")
    return float(min(max(number, least), most))


def _grouped(number: int | float, places: int, point: str = ".", thousands: str = ",") -> str:
    rounded = round_half_up(number, places)
    digits = f"{abs(rounded):.{places}f}"
    whole, _, fraction = digits.partition(".")
    groups = f"{int(whole):,}".replace(",", thousands)
    sign = "-" if rounded < 0 else ""
    return f"{sign}{groups}{point + fraction if fraction else ''}"


def _bytes_text(count: int | float) -> str:
    size = abs(float(_finite(count)))
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if size < 999.95 or unit == "PB":
            break
        size /= 1000
    text = f"{round_half_up(size, 0 if unit == 'B' else 1):f}".removesuffix(".0")
    return f"{'-' if count < 0 else ''}{text} {unit}"


add = NUMBERS.add
add("math.pow", "A power, a double.", {"number, number -> double": _power}, ("math.pow(2, 10)", 1024.0), growth=SMALL)
add("math.roundTo", "Rounded to so many decimals, half away from zero.", {"number, int -> double": lambda number, places: float(round_half_up(number, places))}, ("math.roundTo(2.345, 2)", 2.35), growth=SMALL)
add("math.clamp", "The number, but no less and no more than these.", {"number, number, number -> double": _clamp}, ("math.clamp(12, 0, 10)", 10.0), growth=SMALL)

add = FORMATS.add
add(
    "format.number", "With so many decimals and thousands apart; decimal point and thousands mark can be given.",
    {"number, int -> string": _grouped, "number, int, string, string -> string": _grouped},
    ("format.number(1234567.891, 2)", "1,234,567.89"), ("format.number(1234.5, 2, ',', '.')", "1.234,50"), growth=4, adds=400,
)  # fmt: skip
add("format.percent", "A share as a percentage, with so many decimals.", {"number, int -> string": lambda share, places: _grouped(float(Decimal(repr(_finite(share))) * 100), places) + " %"}, ("format.percent(0.256, 1)", "25.6 %"), growth=SMALL, adds=400)
add("format.bytes", "A number of bytes for people.", {"number -> string": _bytes_text}, ("format.bytes(1536000)", "1.5 MB"), growth=SMALL)
