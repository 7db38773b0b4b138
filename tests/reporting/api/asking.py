"""Asking the API as somebody, and what everybody gets."""

from typing import Any

from django.test import Client

from accounts.api_tokens import token_store
from accounts.models import User
from tests.builders import NOW


def token_of(user: User, scope: str = "read") -> dict[str, str]:
    """The header of an API token."""
    return {"Authorization": f"Bearer {token_store.issue(user=user, name='Looker', scope=scope, now=NOW)[1]}"}


def get(client: Client, path: str, **parameters: Any) -> Any:
    response = client.get(f"/api/v1/{path}", parameters)
    assert response.status_code == 200, response.content
    return response.json()


def every_row(client: Client, path: str, **parameters: Any) -> list[dict[str, Any]]:
    """All pages, followed to the end."""
    page = get(client, path, **parameters)
    rows = list(page["results"])
    while page["next"]:
        response = client.get(page["next"])
        assert response.status_code == 200, response.content
        page = response.json()
        rows += page["results"]
    return rows


def error(response: Any) -> tuple[int, str, str]:
    assert response["Content-Type"] == "application/problem+json"
    said = response.json()
    assert said["status"] == response.status_code
    return response.status_code, said["type"].removeprefix("/api/v1/problems#"), said["detail"]
