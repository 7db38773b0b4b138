"""Authentication by API token."""

import math
import re
from typing import Final

from django.utils import timezone
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from accounts.api_tokens import token_store
from accounts.errors import LockedOut
from accounts.models import ApiToken, User
from accounts.sign_in import lock_out

_TOKEN: Final = re.compile(rb"[\w-]{20,200}", re.ASCII)
_UNKNOWN = "This API token is unknown; it is wrong or was revoked."


class ApiTokenAuthentication(TokenAuthentication):  # type: ignore[misc]
    """`Authorization: Bearer <token>`. Expired tokens stay listed, unlike in django-rest-knox, which deletes them."""

    _address: str | None = None

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        self._address = request.META.get("REMOTE_ADDR")
        found: tuple[User, ApiToken] | None = super().authenticate(request)
        return found

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        now = timezone.now()
        row = token_store.find(token.decode()) if _TOKEN.fullmatch(token) else None
        if row is None:
            self._count_guess()
            raise AuthenticationFailed(_UNKNOWN)
        if row.expiry <= now:
            raise AuthenticationFailed(f"This API token expired on {row.expiry:%Y-%m-%d}.")
        if not row.user.is_active:
            raise AuthenticationFailed("The person of this API token is no longer active here.")
        if not token_store.works_from(row, self._address):
            raise AuthenticationFailed("This API token may not be used from this network.")
        token_store.record_use(row, now=now)
        row.user.token_scope = row.scope
        if row.ad_account_ids is not None:
            row.user.token_ad_account_ids = frozenset(row.ad_account_ids)
        return row.user, row

    def _count_guess(self) -> None:
        """By network. A right token works all the same: nobody guesses 256 random bits, and a program that still has an
        old token must not lock out the others behind its address.
        """
        try:
            with lock_out.attempt(lock_out.Door.API_TOKEN, account=None, address=self._address):
                pass
        except LockedOut as error:
            raise Throttled(math.ceil((error.until - timezone.now()).total_seconds()), _UNKNOWN) from None
