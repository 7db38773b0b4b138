"""What one question sends to PostgreSQL, to be asked again or explained."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TypeAlias

_Value: TypeAlias = str | int | date | None
Params: TypeAlias = Sequence[_Value] | Mapping[str, _Value] | None
Statement: TypeAlias = tuple[str, Params]
_Execute: TypeAlias = Callable[[str, Params, bool, dict[str, object]], object]


def statements_of(ask: Callable[[], object]) -> list[Statement]:
    """Every statement with its parameters, in order."""
    from django.db import connection

    statements: list[Statement] = []

    def remember(execute: _Execute, sql: str, params: Params, many: bool, context: dict[str, object]) -> object:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(remember):
        ask()
    return statements
