"""Who sends a request, as a person of ours."""

from django.http import HttpRequest

from accounts.models import User


def current_user(request: HttpRequest) -> User:
    """Only for pages that are closed to strangers."""
    assert isinstance(request.user, User)
    return request.user
