"""A series of figures as a small line chart, drawn by the server."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

_WIDTH, _HEIGHT = 240, 40


@dataclass(frozen=True, slots=True)
class Stretch:
    """SVG points of a line without a gap, and of the area under it."""

    line: str
    area: str


@dataclass(frozen=True, slots=True)
class Sparkline:
    """The stretches between the gaps, in a box of `width` by `height`."""

    stretches: tuple[Stretch, ...]
    width: int = _WIDTH
    height: int = _HEIGHT


def sparkline(values: Sequence[Decimal | None]) -> Sparkline | None:
    """From zero at the bottom to the largest value at the top; None if there is no line to draw.

    A value that is not known is a gap.
    """
    top = max((value for value in values if value is not None), default=Decimal(0))
    if len(values) < 2 or not top:
        return None
    step = _WIDTH / (len(values) - 1)
    stretches = groupby(enumerate(values), key=lambda one: one[1] is not None)
    known = [
        [(place * step, _HEIGHT - float(value / top) * (_HEIGHT - 2)) for place, value in one if value is not None]
        for is_known, one in stretches
        if is_known
    ]
    return Sparkline(tuple(map(_stretch, known)))


def _stretch(points: list[tuple[float, float]]) -> Stretch:
    """A single point is a line to itself, so that it is a dot."""
    drawn = [f"{x:.1f},{y:.1f}" for x, y in (points if len(points) > 1 else points * 2)]
    line = " ".join(drawn)
    return Stretch(line, f"{_x(points[0])},{_HEIGHT} {line} {_x(points[-1])},{_HEIGHT}")


def _x(point: tuple[float, float]) -> str:
    return f"{point[0]:g}"
