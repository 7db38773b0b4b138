"""Counts the house: files, functions, loose types and folder entries, in one checkout or several side by side.

`python -m benchmarks.house` counts this checkout, `python -m benchmarks.house BEFORE .` two of them in two columns.
Only text is read, so any version of the project will do. Product is Python in the rooms, `config/` and `benchmarks/`,
without migrations; a function's length is from its `def` line to its last.
"""

import argparse
import ast
import re
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOMS: Final = ("accounts", "ingestion", "reporting", "config")
PRODUCT: Final = (*ROOMS, "benchmarks")
_LOOSE: Final = "Any"
_ANY: Final = re.compile(rf"\b{_LOOSE}\b")
_IGNORED: Final = re.compile(r"#\s*type:\s*ignore")
_FUNCTION: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_IMPORT: Final = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True, slots=True)
class Length:
    """Lines of a file or a function, and where it is."""

    lines: int
    place: str


@dataclass(frozen=True, slots=True)
class File:
    name: str
    text: str
    tree: ast.Module

    @property
    def length(self) -> Length:
        return Length(len(self.text.splitlines()), self.name)

    @property
    def functions(self) -> Iterator[Length]:
        for node in ast.walk(self.tree):
            if isinstance(node, _FUNCTION):
                yield Length((node.end_lineno or node.lineno) - node.lineno + 1, f"{self.name}:{node.name}")

    @property
    def imports_in_functions(self) -> int:
        """Each once, however deep the functions are nested."""
        inside = {
            inner.lineno
            for node in ast.walk(self.tree)
            if isinstance(node, _FUNCTION)
            for inner in ast.walk(node)
            if isinstance(inner, _IMPORT)
        }
        return len(inside)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", nargs="*", type=Path, default=[Path()], metavar="PATH", help="default: this one")
    checkouts: list[Path] = parser.parse_args().checkouts
    sys.stdout.write("".join(f"{line}\n" for line in table(checkouts)))


def table(checkouts: Sequence[Path]) -> Iterator[str]:
    """One line per number, one column per checkout."""
    counted = [counts(checkout) for checkout in checkouts]
    names = list(dict.fromkeys(name for one in counted for name in one))
    rows = [[name, *(one.get(name, "-") for one in counted)] for name in names]
    rows.insert(0, ["", *(str(checkout) for checkout in checkouts)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def counts(checkout: Path) -> dict[str, str]:
    """The numbers of one checkout, ready to print, by name."""
    product, tests = _files(checkout, PRODUCT), _files(checkout, ("tests",))
    return {
        **_lengths("product files", [file.length for file in product]),
        **_lengths("product functions", [one for file in product for one in file.functions]),
        **_lengths("test files", [file.length for file in tests]),
        f"product {_LOOSE}": f"{_occurrences(product, _ANY):,}",
        f"test {_LOOSE}": f"{_occurrences(tests, _ANY):,}",
        "product type: ignore": f"{_occurrences(product, _IGNORED):,}",
        "test type: ignore": f"{_occurrences(tests, _IGNORED):,}",
        **{
            f"imports inside functions, {part}": f"{sum(file.imports_in_functions for file in _files(checkout, of)):,}"
            for part, of in (("rooms", ROOMS), ("benchmarks", ("benchmarks",)))
        },
        **{f"entries in {room}/": f"{entries(checkout / room):,}" for room in ROOMS},
    }


def entries(folder: Path) -> int:
    """What a listing of the folder shows, without what Python compiles."""
    return sum(1 for entry in folder.iterdir() if entry.name != "__pycache__") if folder.is_dir() else 0


def _lengths(what: str, lengths: list[Length]) -> dict[str, str]:
    if not lengths:
        return {what: "0"}
    by_length = sorted(lengths, key=lambda one: one.lines)
    largest = by_length[-1]
    # The smallest length that nine of ten do not exceed.
    p90 = by_length[-(-9 * len(by_length) // 10) - 1].lines
    return {
        what: f"{len(lengths):,}",
        f"{what}: lines": f"{sum(one.lines for one in lengths):,}",
        f"{what}: median": f"{statistics.median(one.lines for one in lengths):g}",
        f"{what}: p90": f"{p90:,}",
        f"{what}: largest": f"{largest.lines:,} ({largest.place})",
    }


def _files(checkout: Path, folders: Sequence[str]) -> list[File]:
    """Those that say something: an empty `__init__.py` is no file to read."""
    found = []
    for path in sorted(path for folder in folders for path in (checkout / folder).rglob("*.py")):
        text = path.read_text()
        if text.strip() and "migrations" not in path.relative_to(checkout).parts:
            found.append(File(path.relative_to(checkout).as_posix(), text, ast.parse(text)))
    return found


def _occurrences(files: Sequence[File], pattern: re.Pattern[str]) -> int:
    return sum(len(pattern.findall(file.text)) for file in files)


if __name__ == "__main__":
    main()
