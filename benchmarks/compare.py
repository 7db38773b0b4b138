"""Runs one benchmark in two checkouts alternately and prints the medians side by side.

`python -m benchmarks.compare sync BEFORE . --times 5 -- --case "90 days"` runs each checkout's own `benchmarks.sync`
five times in turn, so that a machine whose speed drifts drifts for both; what stands after `--` is handed to the
benchmark. The last column says how much larger the second checkout's median is.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

# Values of each run by the name of the figure and its unit.
Measured = Mapping[tuple[str, str], Sequence[float]]
_USUAL_TIMES: Final = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", help="such as sync, for benchmarks.sync")
    parser.add_argument("before", type=Path, help="a checkout")
    parser.add_argument("after", type=Path, help="another one")
    parser.add_argument("--times", type=int, default=_USUAL_TIMES, help=f"runs of each (default {_USUAL_TIMES})")
    ours, theirs = _split_at_dashes(sys.argv[1:])
    options = parser.parse_args(ours)
    before, after = defaultdict[tuple[str, str], list[float]](list), defaultdict[tuple[str, str], list[float]](list)
    for number in range(options.times):
        sys.stderr.write(f"run {number + 1} of {options.times}\n")
        for checkout, measured in ((options.before, before), (options.after, after)):
            for key, value in _run(checkout, options.benchmark, theirs):
                measured[key].append(value)
    sys.stdout.write("".join(f"{line}\n" for line in lines(before, after)))


def lines(before: Measured, after: Measured) -> Iterator[str]:
    """One per figure, in the order in which they were measured."""
    yield f"{'before':>14} {'after':>14} {'':12} change"
    for name, unit in dict.fromkeys([*before, *after]):
        medians = [statistics.median(one[name, unit]) if (name, unit) in one else None for one in (before, after)]
        shown = " ".join(f"{'-':>14}" if one is None else f"{one:>14,.10g}" for one in medians)
        yield f"{shown} {unit:<12} {_change(*medians):>7}   {name}"


def _change(before: float | None, after: float | None) -> str:
    return f"{(after - before) / before:+.1%}" if before and after is not None else ""


def _split_at_dashes(arguments: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _run(checkout: Path, benchmark: str, options: Sequence[str]) -> Iterator[tuple[tuple[str, str], float]]:
    """The figures of one run; a bar that is missed is no reason to stop."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, "-m", f"benchmarks.{benchmark}", "--json", file.name, *options]
        environment = {**os.environ, "ENV_FILE": os.devnull, "LOG_LEVEL": "WARNING"}
        done = subprocess.run(command, cwd=checkout, env=environment, stdout=subprocess.DEVNULL, check=False)
        found = file.read()
    if not found:
        sys.exit(f"benchmarks.{benchmark} ended with {done.returncode} in {checkout} and measured nothing.")
    for one in json.loads(found):
        yield (one["name"], one["unit"]), one["value"]


if __name__ == "__main__":
    main()
