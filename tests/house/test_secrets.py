"""Secrets stay where they belong: encrypted in their columns, and out of every log."""

import logging
import re
from typing import Any

import pytest
from django.conf import settings as project_settings

from tests.ingestion.simulated import simulated_linkedin
from tests.secrets_in_logs import SecretListener
from tests.texts import every_text_in_the_database


@pytest.mark.parametrize(
    "secret", ["AQ" + "x" * 80, "gAAAA" + "x" * 80, "the-client-secret", project_settings.SECRET_KEY]
)
def test_the_listener_hears_a_logged_secret(secret_listener: SecretListener, secret: str) -> None:
    logging.getLogger("ingestion.sync.sync").info("asking with %s", secret)
    try:
        raise ValueError(secret)
    except ValueError:
        logging.getLogger("accounts").exception("failed")
    heard = secret_listener.heard.copy()
    secret_listener.heard.clear()
    assert len(heard) == 2
    assert secret not in "".join(heard)


def test_the_listener_lets_ordinary_lines_pass(secret_listener: SecretListener) -> None:
    logging.getLogger("ingestion.sync.sync").info("AQ of 3 rows; urn:li:sponsoredAccount:500000001")
    assert secret_listener.heard == []


@pytest.mark.django_db(transaction=True)
def test_no_column_holds_a_token_in_the_clear(settings: Any) -> None:
    with simulated_linkedin(settings, ad_accounts=1) as linkedin:
        linkedin.connect()
        linkedin.sync()
        assert linkedin.connection
        linkedin.connection.refresh_from_db()
        tokens = [linkedin.connection.access_token, linkedin.connection.refresh_token]
    dump = every_text_in_the_database()
    assert all(tokens)
    assert [column for column, text in dump.items() if any(str(token) in text for token in tokens)] == []
    # A ciphertext is random and may hold any letters.
    clear = {column: re.sub(r"gAAAA[\w=-]+", "", text) for column, text in dump.items()}
    assert [column for column, text in clear.items() if re.search(r"AQ[A-Za-z0-9_-]{60,}", text)] == []
    secrets = [settings.SECRET_KEY, *settings.FIELD_ENCRYPTION_KEYS, settings.LINKEDIN_CLIENT_SECRET]
    assert [column for column, text in dump.items() if any(secret in text for secret in secrets)] == []
    # The search is worth something: it reads what is there, and finds the tokens' ciphertext.
    assert "gAAAA" in dump["linkedin_connections.access_token"]
    assert "gAAAA" in dump["linkedin_connections.refresh_token"]
    assert dump["campaigns.name"]
