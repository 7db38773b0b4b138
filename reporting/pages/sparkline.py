"""A series of figures as a small line chart, drawn by the server."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

_WIDTH, _HEIGHT = 240, 40


@dataclass(frozen=True, slots=True)
class Sparkline:
    """SVG points of a line, and of the area under it, in a box of `width` by `height`."""

    line: str
    area: str
    width: int = _WIDTH
    height: int = _HEIGHT


def sparkline(values: Sequence[Decimal]) -> Sparkline | None:
    """From zero at the bottom to the largest value at the top; None if there is no line to draw."""
    if len(values) < 2 or not any(values):
        return None
    top = max(values)
    step = _WIDTH / (len(values) - 1)
    points = [
        f"{place * step:.1f},{_HEIGHT - float(value / top) * (_HEIGHT - 2):.1f}" for place, value in enumerate(values)
    ]
    line = " ".join(points)
    return Sparkline(line, f"0,{_HEIGHT} {line} {_WIDTH},{_HEIGHT}")
