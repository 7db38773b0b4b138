"""Authentication by API token."""

import re
from typing import Final

from django.utils import timezone
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from accounts.api_tokens import token_store
from accounts.models import ApiToken, User

_TOKEN: Final = re.compile(rb"[\w-]{20,200}", re.ASCII)
_UNKNOWN = "This API token is unknown; it is wrong or was revoked."


class ApiTokenAuthentication(TokenAuthentication):  # type: ignore[misc]
    """`Authorization: Bearer <token>`. Expired tokens stay listed, unlike in django-rest-knox, which deletes them."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        now = timezone.now()
        row = token_store.find(token.decode()) if _TOKEN.fullmatch(token) else None
        if row is None:
            raise AuthenticationFailed(_UNKNOWN)
        if row.expiry <= now:
            raise AuthenticationFailed(f"This API token expired on {row.expiry:%Y-%m-%d}.")
        if not row.user.is_active:
            raise AuthenticationFailed("The person of this API token is no longer active here.")
        token_store.record_use(row, now=now)
        row.user.token_scope = row.scope
        return row.user, row
