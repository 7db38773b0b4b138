"""Every benchmark, one after the other, into one report: text and JSON under docs/benchmarks/.

`make bench` takes about 35 minutes and 12 GB of disk: reading is measured on ten million campaign days. With
`ARGS="--figures DIR"` the filled databases are kept there and used again; `--only sync` measures a part, and prints it
without writing a report. Exits with 1 where a bar is missed. Ratios compare what was measured in the same run; seconds
are the machine's own.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from benchmarks.figures import Figure

REPORTS: Final = Path("docs/benchmarks")
# What reads a filled database, and how many campaign days it holds; the others bring databases of their own.
READING: Final = {"reading": 10_000_000, "api": 10_000_000, "pages": 1_000_000}
_TITLES: Final = {
    "sync": "One busy ad account: 50 campaigns, 500 creatives, every day",
    "workers": "Ad accounts side by side, LinkedIn answering in 100 ms; beat",
    "reading": "What reports ask of PostgreSQL, ten million campaign days",
    "api": "The REST API and the Visual report, ten million campaign days",
    "pages": "Every list and page of the admin, a million campaign days",
    "exports": "A million rows as a file",
    "snapshots": "A snapshot of 5,000 creatives over 90 days",
    "sign_in": "Pages while many people sign in at once",
    "hostile": "What others notice of 200 deliberately slow clients",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", type=Path, help="folder of the filled databases; filled where they are missing")
    parser.add_argument("--only", choices=_TITLES, action="append", help="measure only these; writes no report")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="linkedin-ads-bench-") as folder:
        measured = dict(_measure(options.only or list(_TITLES), options.figures or Path(folder)))
    if not options.only:
        _keep(measured)
    missed = [one for figures in measured.values() for one in figures if not one.holds]
    sys.stdout.write(f"\n{len(missed)} bars missed\n" + "".join(f"{one}\n" for one in missed))
    sys.exit(1 if missed else 0)


def _measure(names: list[str], data_dir: Path) -> Iterator[tuple[str, list[Figure]]]:
    for name in names:
        filled = _filled(data_dir, READING[name]) if name in READING else None
        sys.stdout.write(f"\n{_TITLES[name]}\n\n")
        sys.stdout.flush()
        yield name, _run(name, {"DATA_DIR": str(filled)} if filled else {})


def _run(name: str, environment: Mapping[str, str]) -> list[Figure]:
    """In a process of its own; it prints as it goes."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, "-m", f"benchmarks.{name}", "--json", file.name]
        done = subprocess.run(command, env=_environment(environment), check=False)
        found = file.read()
    if not found:
        sys.exit(f"benchmarks.{name} ended with {done.returncode} and measured nothing.")
    return [Figure(**one) for one in json.loads(found)]


def _filled(folder: Path, metric_rows: int) -> Path:
    """Where a database of so many campaign days is, filled by now."""
    data_dir = folder / str(metric_rows)
    data_dir.mkdir(parents=True, exist_ok=True)
    # One that was kept may be from before a migration.
    commands = [["migrate", "--verbosity", "0"]]
    if not (data_dir / "filled").exists():
        commands.append(["load_test_figures", "--metric-rows", str(metric_rows)])
    for command in commands:
        environment = _environment({"DATA_DIR": str(data_dir)})
        subprocess.run([sys.executable, "manage.py", *command], env=environment, check=True)
    (data_dir / "filled").touch()
    return data_dir


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "ENV_FILE": os.devnull, "LOG_LEVEL": "WARNING", **more}


def _keep(measured: Mapping[str, list[Figure]]) -> None:
    now = datetime.now(UTC)
    machine = _machine()
    report = {
        "measured_at": now.isoformat(timespec="seconds"),
        "machine": machine,
        "figures": {name: [asdict(one) for one in figures] for name, figures in measured.items()},
    }
    REPORTS.mkdir(parents=True, exist_ok=True)
    path = REPORTS / f"{now:%Y-%m-%d}.json"
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    path.with_suffix(".txt").write_text("\n".join(_lines(f"{now:%Y-%m-%d %H:%M} UTC", machine, measured)) + "\n")
    sys.stdout.write(f"\nkept as {path} and {path.with_suffix('.txt')}\n")


def _lines(when: str, machine: Mapping[str, object], measured: Mapping[str, list[Figure]]) -> Iterator[str]:
    yield f"Measured {when} by `make bench`"
    yield ", ".join(f"{name} {value}" for name, value in machine.items())
    for name, figures in measured.items():
        yield f"\n{_TITLES[name]} (benchmarks/{name}.py)\n"
        yield from map(str, figures)


def _machine() -> dict[str, object]:
    return {
        "cores": psutil.cpu_count(),
        "memory GB": round(psutil.virtual_memory().total / 2**30),
        "load before the end": round(os.getloadavg()[2], 1),
        "Python": platform.python_version(),
        "system": platform.platform(),
    }


if __name__ == "__main__":
    main()
