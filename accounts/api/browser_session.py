"""Authentication by the session of a browser."""

from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from accounts.models import User
from accounts.sign_in.second_step import session


class SecondStepDue(PermissionDenied):
    """The session of a browser may not do anything yet."""

    default_detail = "Your second step is due."
    remedy = "Open this service in the browser and pass the second step; an API token needs none."


class BrowserSession(SessionAuthentication):
    """A signed-in browser whose second step is not due."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        found: tuple[User, None] | None = super().authenticate(request)
        if found and session.is_due(request._request):
            raise SecondStepDue
        return found
