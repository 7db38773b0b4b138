"""Records sign-ins, failed sign-ins and sign-outs in the audit trail.

The IP address is the one that reached this process: the proxy's, unless the settings trust its headers.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit_trail
from accounts.models import AuditEvent, User

# E-mail addresses are no longer than that; what a stranger types may be.
_MAX_LENGTH: Final = 254
# Further tries while locked out must not fill a table that nothing is ever deleted from.
_LOCK_OUT_RECORDED_EVERY: Final = timedelta(hours=1)


@receiver(user_logged_in, dispatch_uid="audit_login")
def record_login(request: HttpRequest | None, user: User, **_: object) -> None:
    audit_trail.record("login", actor=user, ip=_address(request))


@receiver(user_logged_out, dispatch_uid="audit_logout")
def record_logout(request: HttpRequest | None, user: User | None, **_: object) -> None:
    if user is not None:
        audit_trail.record("logout", actor=user, ip=_address(request))


@receiver(user_login_failed, dispatch_uid="audit_login_failed")
def record_failed_login(credentials: Mapping[str, object], request: HttpRequest | None = None, **_: object) -> None:
    """The e-mail address that was tried, never the password. A try while locked out is recorded as a lock-out."""
    if getattr(request, "axes_locked_out", False):
        return
    tried = credentials.get("username") or credentials.get(User.USERNAME_FIELD)
    audit_trail.record("login_failed", user_email=_as_typed(tried), ip=_address(request))


def record_lock_out(request: HttpRequest | None, username: str | None, ip_address: str | None, **_: object) -> None:
    """Connected to the signal of django-axes where it is installed, see `apps.py`; once an hour at most."""
    email = _as_typed(username)
    since = timezone.now() - _LOCK_OUT_RECORDED_EVERY
    recorded = AuditEvent.objects.filter(kind="locked_out", happened_at__gt=since)
    if not recorded.filter(detail__user_email=email, detail__ip=ip_address).exists():
        audit_trail.record("locked_out", user_email=email, ip=ip_address)


def _as_typed(text: object) -> str:
    # PostgreSQL stores every character but this one.
    return str(text or "").replace("\0", "")[:_MAX_LENGTH]


def _address(request: HttpRequest | None) -> str | None:
    return request.META.get("REMOTE_ADDR") if request else None
