"""Rules about the code itself."""

import ast
import re
from pathlib import Path

import pytest
from django.core.management import call_command

from ingestion.linkedin_simulator.routes import find_route

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = [path for room in ("accounts", "config", "ingestion", "reporting") for path in (ROOT / room).rglob("*.py")]


@pytest.mark.django_db
def test_models_match_migrations():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_the_environment_is_read_in_one_place_only():
    readers = {
        str(path.relative_to(ROOT))
        for path in PRODUCT
        if any(word in path.read_text() for word in ("os.environ.get", 'os.environ["', "getenv("))
    }
    assert readers == {"config/env.py"}


def test_no_import_hides_in_a_function_to_dodge_a_cycle():
    """Allowed: an app's `ready`, and packages that are slow or optional to import."""
    allowed = {"ingestion/apps.py", "accounts/apps.py", "reporting/apps.py", "config/embedded.py"}
    hidden = []
    for path in PRODUCT:
        name = str(path.relative_to(ROOT))
        if name in allowed or "linkedin_simulator" in name or "/migrations/" in name:
            continue
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                inner = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
                hidden += [f"{name}:{node.lineno}" for node in inner]
    assert not hidden


def test_the_simulator_answers_every_path_that_the_client_asks():
    """Each endpoint has its twin, so no request of ours goes untested."""
    client = ast.unparse(ast.parse((ROOT / "ingestion/linkedin/endpoints.py").read_text()))
    paths = {re.sub(r"{\w+}", "1", path) for path in re.findall(r"""['"](/rest/[\w/{}]+)['"]""", client)}
    assert len(paths) >= 8
    assert not [path for path in paths if find_route(path) is None]
