import subprocess
import sys
from pathlib import Path

from benchmarks.compare import lines

ROOT = Path(__file__).resolve().parents[2]
# Answers with the next of its values each time, and says whose turn it was.
BENCHMARK = """
import json, sys
from pathlib import Path
assert sys.argv[1] == "--json" and sys.argv[3:] == ["--case", "90 days"]
turns = Path("../turns")
turns.write_text((turns.read_text() if turns.exists() else "") + Path.cwd().name + " ")
number = turns.read_text().split().count(Path.cwd().name)
Path(sys.argv[2]).write_text(json.dumps([{"name": "rows", "unit": "rows/s", "value": FACTOR * number}]))
sys.exit(1)
"""


def test_medians_stand_side_by_side_with_their_change() -> None:
    before = {("CPU per row", "µs"): [10.0, 30.0, 20.0], ("gone", "s"): [1.0], ("nothing", "calls"): [0.0]}
    after = {("CPU per row", "µs"): [20.4], ("new", "s"): [2.0], ("nothing", "calls"): [0.0]}
    assert [line.split() for line in lines(before, after)] == [
        ["before", "after", "change"],
        ["20", "20.4", "µs", "+2.0%", "CPU", "per", "row"],
        ["1", "-", "s", "gone"],
        ["0", "0", "calls", "nothing"],
        ["-", "2", "s", "new"],
    ]


def test_checkouts_take_turns(tmp_path: Path) -> None:
    for checkout, factor in (("before", 100), ("after", 110)):
        (tmp_path / checkout / "benchmarks").mkdir(parents=True)
        (tmp_path / checkout / "benchmarks/speed.py").write_text(BENCHMARK.replace("FACTOR", str(factor)))
    command = [sys.executable, "-m", "benchmarks.compare", "speed", str(tmp_path / "before"), str(tmp_path / "after")]
    command += ["--times", "3", "--", "--case", "90 days"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert (tmp_path / "turns").read_text().split() == ["before", "after"] * 3
    assert done.stdout.splitlines()[1].split() == ["200", "220", "rows/s", "+10.0%", "rows"]
