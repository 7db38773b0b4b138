from collections.abc import Iterator

import pytest

from ingestion.linkedin.client import LinkedInClient
from tests.ingestion.linkedin.loopback import Clock, Script, make_client, serving


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def base_url(script: Script) -> Iterator[str]:
    with serving(script) as url:
        yield url


@pytest.fixture
def client(base_url: str, clock: Clock) -> Iterator[LinkedInClient]:
    with make_client(base_url, clock) as made:
        yield made
