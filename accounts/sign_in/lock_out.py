"""How django-axes identifies a login attempt, and how a lock-out ends early."""

from collections.abc import Mapping

from axes.utils import reset
from django.http import HttpRequest


def name_of(request: HttpRequest, credentials: Mapping[str, object] | None = None) -> str | None:
    """The address of a login attempt, in lower case: `BOB@` and `bob@` count together."""
    given = credentials if credentials is not None else request.POST
    name = given.get("username") or given.get("email")
    return str(name).strip().lower()[:255].replace("\0", "") if name else None


def unlock(email: str) -> None:
    """Forget the failed logins of an address, wherever they came from."""
    reset(username=email.lower())
