"""Listens to everything that is logged and remembers what held a secret.

Every process of a test run listens for itself, so it does not matter how many there are.
"""

import logging
import re
from collections.abc import Iterable

_SHAPES = "|".join(
    [
        r"AQ[A-Za-z0-9_-]{60,}",  # the simulator's codes and tokens, whose shape is LinkedIn's
        r"gAAAA[A-Za-z0-9_-]{40,}",  # ciphertexts, which have no business there either
        r"laac_[A-Za-z0-9]{20,}",  # API tokens
        r"/people/(?:invitation|password-reset/[^/\s]+)/[A-Za-z0-9_-]{20,}",  # links that open doors
    ]
)


class SecretListener(logging.Handler):
    """Keeps the names of the loggers, never the secret: what it finds is printed by a failing test."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__(logging.DEBUG)
        known = "|".join(re.escape(secret) for secret in secrets if secret)
        self._secret = re.compile(f"{_SHAPES}|{known}" if known else _SHAPES)
        self._formatter = logging.Formatter("%(message)s")
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = self._formatter.format(record)
        if self._secret.search(line):
            self.heard.append(f"{record.name}: {self._secret.sub('<secret>', line)}")
