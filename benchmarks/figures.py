"""One measured figure and its bar: what every benchmark prints and `python -m benchmarks` collects."""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """`bar` is the bound in words, empty where there is none; `holds` says whether it is kept."""

    name: str
    value: float
    unit: str
    bar: str = ""
    holds: bool = True
    note: str = ""

    def __str__(self) -> str:
        verdict = f"   bar: {self.bar}{'' if self.holds else '   MISSED'}" if self.bar else ""
        note = f" ({self.note})" if self.note else ""
        return f"{self.value:>14,.10g} {self.unit:<12} {self.name}{note}{verdict}"


def figure(name: str, value: float, unit: str, *, places: int = 1, note: str = "") -> Figure:
    """A figure without a bar."""
    return Figure(name, round(value, places), unit, note=note)


def at_most(name: str, value: float, unit: str, bar: float, *, places: int = 1, note: str = "") -> Figure:
    """A figure that is good while it is no larger than its bar."""
    return Figure(name, round(value, places), unit, f"at most {bar:g}", value <= bar, note)


def at_least(name: str, value: float, unit: str, bar: float, *, places: int = 1) -> Figure:
    """A figure that is good while it is no smaller than its bar."""
    return Figure(name, round(value, places), unit, f"at least {bar:g}", value >= bar)


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--json", type=Path, help="also write the figures there")
    return options


def report(figures: Iterable[Figure], *, json_file: Path | None) -> None:
    """Print each figure as soon as it is measured; at the end keep all. Exits with 1 where a bar is missed."""
    kept = []
    for one in figures:
        sys.stdout.write(f"{one}\n")
        sys.stdout.flush()
        kept.append(one)
    if json_file:
        json_file.write_text(json.dumps([asdict(one) for one in kept], indent=1, ensure_ascii=False) + "\n")
    sys.exit(0 if all(one.holds for one in kept) else 1)
