from pathlib import Path

import pytest

from benchmarks.house import counts, entries, table

PEOPLE = '''"""People."""
from typing import Any


def one(value: Any) -> int:
    import json  # noqa

    def two() -> None:
        import csv

    return len(json.dumps(value))  # type: ignore[arg-type]
'''


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in {
        "accounts/__init__.py": "",
        "accounts/people.py": PEOPLE,
        "accounts/migrations/0001_initial.py": "from typing import Any\n" * 100,
        "accounts/__pycache__/people.cpython-311.pyc": "",
        "config/settings.py": "DEBUG = False\n" * 3,
        "benchmarks/sync.py": "def main():\n    import json\n",
        "tests/test_people.py": "from typing import Any\nAnything = 1\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_counts_of_a_small_tree(checkout: Path) -> None:
    assert counts(checkout) == {
        "product files": "3",
        "product files: lines": "16",
        "product files: median": "3",
        "product files: p90": "11",
        "product files: largest": "11 (accounts/people.py)",
        "product functions": "3",
        "product functions: lines": "11",
        "product functions: median": "2",
        "product functions: p90": "7",
        "product functions: largest": "7 (accounts/people.py:one)",
        "test files": "1",
        "test files: lines": "2",
        "test files: median": "2",
        "test files: p90": "2",
        "test files: largest": "2 (tests/test_people.py)",
        "product Any": "2",
        "test Any": "1",
        "product type: ignore": "1",
        "test type: ignore": "0",
        "imports inside functions, rooms": "2",
        "imports inside functions, benchmarks": "1",
        "entries in accounts/": "3",
        "entries in ingestion/": "0",
        "entries in reporting/": "0",
        "entries in config/": "1",
    }


def test_the_p90_is_the_length_that_nine_of_ten_do_not_exceed(tmp_path: Path) -> None:
    (tmp_path / "accounts").mkdir()
    for lines in range(1, 21):
        (tmp_path / f"accounts/of_{lines}.py").write_text("A = 1\n" * lines)
    assert counts(tmp_path)["product files: p90"] == "18"
    assert counts(tmp_path)["product files: median"] == "10.5"


def test_checkouts_stand_side_by_side(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    header, first, *_ = table([checkout, tmp_path / "empty"])
    assert header.split() == [str(checkout), str(tmp_path / "empty")]
    assert first.split() == ["product", "files", "3", "0"]


def test_entries_are_those_of_a_listing(checkout: Path) -> None:
    assert entries(checkout / "accounts") == 3
