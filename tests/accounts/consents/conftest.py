from collections.abc import Iterator
from typing import Any

import pytest

from tests.accounts.consents.scripted_linkedin import TOKENS, ScriptedLinkedIn, scripted_linkedin


@pytest.fixture
def linkedin(settings: Any) -> Iterator[ScriptedLinkedIn]:
    """A token endpoint that renews tokens."""
    with scripted_linkedin((200, TOKENS)) as script:
        settings.LINKEDIN_AUTH_BASE_URL = script.url
        settings.LINKEDIN_CLIENT_ID = "the-client-id"
        settings.LINKEDIN_CLIENT_SECRET = "the-client-secret"
        yield script
