"""Records sign-ins, failed sign-ins and sign-outs in the audit trail.

The IP address is the one that reached this process: the proxy's, unless the settings trust its headers.
"""

from collections.abc import Mapping
from typing import Final

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from qsessions.models import Session

from accounts import audit_trail
from accounts.models import AuditEvent, User
from accounts.people import sessions
from accounts.people.security_notices import Notice, notify
from accounts.sign_in.networks import networks_of
from accounts.sign_in.second_step import session

_LOGINS_LOOKED_AT: Final = 500
# E-mail addresses are no longer than that; what a stranger types may be.
_MAX_LENGTH: Final = 254


@receiver(user_logged_in, dispatch_uid="second_step")
def begin_again(request: HttpRequest | None, **_: object) -> None:
    """Signing in again within a session: a password alone must not renew what a second step had opened."""
    if request is not None and hasattr(request, "session"):
        session.forget(request)


@receiver(user_logged_in, dispatch_uid="audit_login")
def record_login(request: HttpRequest | None, user: User, **_: object) -> None:
    ip, device = _address(request), _device(request)
    if _is_new(user, ip=ip, device=device):
        notify(user, Notice.NEW_DEVICE, device=device, ip=ip or "an unknown address")
    audit_trail.record("login", actor=user, ip=ip, device=device)


def _is_new(user: User, *, ip: str | None, device: str) -> bool:
    """Whether they never signed in with such a browser from such a network before; their first sign-in is no news."""
    before = AuditEvent.objects.filter(kind="login", actor_id=user.pk).order_by("-happened_at")
    details = list(before.values_list("detail", flat=True)[:_LOGINS_LOOKED_AT])
    here = networks_of(ip)
    known = {(networks_of(detail.get("ip")), detail.get("device", device)) for detail in details}
    places = {(networks and (networks.wide or networks.own), name) for networks, name in known}
    return bool(details) and (here and (here.wide or here.own), device) not in places


@receiver(user_logged_out, dispatch_uid="audit_logout")
def record_logout(request: HttpRequest | None, user: User | None, **_: object) -> None:
    if user is not None:
        audit_trail.record("logout", actor=user, ip=_address(request))


@receiver(user_login_failed, dispatch_uid="audit_login_failed")
def record_failed_login(credentials: Mapping[str, object], request: HttpRequest | None = None, **_: object) -> None:
    """The e-mail address that was tried, never the password. The lock-out records what it refuses."""
    tried = credentials.get("username") or credentials.get(User.USERNAME_FIELD)
    audit_trail.record("login_failed", user_email=_as_typed(tried), ip=_address(request))


def _as_typed(text: object) -> str:
    # PostgreSQL stores every character but this one.
    return str(text or "").replace("\0", "")[:_MAX_LENGTH]


def _device(request: HttpRequest | None) -> str:
    return sessions.device_of(Session(user_agent=request.headers.get("User-Agent") if request else None))


def _address(request: HttpRequest | None) -> str | None:
    return request.META.get("REMOTE_ADDR") if request else None
