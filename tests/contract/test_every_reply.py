"""Whatever somebody asks, sensible or not, the reply is one that docs/openapi.yaml foretells and theirs to see.

The quick test asks the same questions every time, the slow one others in every run: `CONTRACT_SEED=…` repeats one, for
the seed is printed.
"""

import io
import os
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import kombu.exceptions
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as run
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from tests.contract.world import ASKERS, World

SEED = int(os.environ.get("CONTRACT_SEED", time.time_ns() % 1_000_000))
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def document() -> Any:
    schema = schemathesis.openapi.from_path(DOCUMENT)
    schema.config.generation.with_security_parameters = False
    return schema


@pytest.fixture
def without_broker() -> Iterator[None]:
    """Whoever asks for something is told that it waits; a worker finds it once the broker is back."""
    with patch("celery.app.task.Task.apply_async", side_effect=kombu.exceptions.OperationalError):
        yield


@pytest.fixture
def world(settings: Any, without_broker: None, snapshot_folder: Any) -> World:
    settings.API_REQUESTS_PER_MINUTE = settings.API_EXPORTS_PER_MINUTE = 1_000_000
    return World()


@pytest.mark.slow
def test_every_reply(document: Any, world: World, live_server: Any) -> None:
    sys.stderr.write(f"CONTRACT_SEED={SEED}\n")
    _ask_everything(document, world, live_server.url, examples=9, of_seed=SEED)


def _ask_everything(document: Any, world: World, url: str, *, examples: int, of_seed: int) -> None:
    """Each question with every token: the questions take longer to think of than to answer."""
    askers = [(world.headers(asker), world.hidden_from(asker)) for asker in ASKERS]
    with requests.Session() as session:
        for operation in (found.ok() for found in document.get_all_operations()):

            @seed(of_seed)
            @run(
                max_examples=examples,
                database=None,
                deadline=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            )
            @given(_cases(operation, world))
            def ask(case: Any) -> None:
                for headers, hidden in askers:
                    response = case.call(base_url=url, headers=headers, session=session)
                    case.validate_response(response, checks=CHECKS)
                    _assert_nothing_hidden(response, hidden)

            ask()


def _cases(operation: Any, world: World) -> Any:
    """What the schema allows, what it forbids, and both with ids that exist."""
    allowed = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    has_inputs = operation.query or operation.path_parameters or operation.body
    forbidden = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE) if has_inputs else allowed
    known = allowed.flatmap(lambda case: _with_known_ids(case, world))
    return st.one_of(known, allowed, forbidden)


def _with_known_ids(case: Any, world: World) -> Any:
    resource = f"{case.operation.path}/".split("/")[3]

    def put(ids: dict[str, Any]) -> Any:
        if "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = ids.get(resource, 1)
        for name in case.query or {}:
            if name in ids:
                case.query[name] = ids[name]
        return case

    return st.fixed_dictionaries({name: st.sampled_from(known) for name, known in world.ids.items()}).map(put)


def _assert_nothing_hidden(response: Any, hidden: list[str]) -> None:
    """An error may repeat the question, and with it an id; a name is in no question."""
    text = _text(response.content)
    told = [mark for mark in hidden if mark in text and not (response.status_code >= 400 and mark.isdecimal())]
    assert not told, (response.request.url, text)


def _text(content: bytes) -> str:
    if not content.startswith(b"PK"):
        return content.decode()
    with zipfile.ZipFile(io.BytesIO(content)) as workbook:
        return "".join(workbook.read(name).decode() for name in workbook.namelist())
