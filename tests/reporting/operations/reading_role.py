"""Connections as the roles that `create_reporting_role` makes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

from reporting.models import ReportingRole
from reporting.operations import bi_roles


@contextmanager
def made_role(**options: Any) -> Iterator[str]:
    """Roles belong to the whole server: named after the database of this test process, and gone afterwards."""
    name = f"bi_{connection.settings_dict['NAME']}"
    bi_roles.save(name, **options)
    try:
        yield name
    finally:
        # A test that failed may have lost the row.
        ReportingRole.objects.get_or_create(pk=name)
        bi_roles.drop(name)


@contextmanager
def connected_as(name: str, **options: Any) -> Iterator[psycopg.Connection[Any]]:
    at = connection.settings_dict
    with psycopg.connect(
        host=at["HOST"], port=at["PORT"] or None, dbname=at["NAME"], user=name, autocommit=True, **options
    ) as other:
        yield other


def read_as(name: str, statement: str) -> list[Any]:
    with connected_as(name, row_factory=psycopg.rows.dict_row) as other:
        return other.execute(statement).fetchall()
