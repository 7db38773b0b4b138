"""What every page may show in addition to its own content."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts import access
from accounts.consents import connections


@dataclass(frozen=True, slots=True)
class ConsentNotice:
    """A consent to renew: whose it is, and in how many days it ends; 0 if it has ended."""

    person: str
    days_left: int


def consent_notices(request: HttpRequest) -> dict[str, "SimpleLazyObject[list[ConsentNotice]]"]:
    """Consents to renew, for those who may renew them; queried only by the pages that show them.

    Not cached: the table has a row per person, and a notice must go away once its consent is renewed.
    """
    return {"consent_notices": SimpleLazyObject(lambda: _notices(request))}


def _notices(request: HttpRequest) -> list[ConsentNotice]:
    user = getattr(request, "user", None)
    if user is None or not access.may_connect_linkedin(user):
        return []
    now = timezone.now()
    return [ConsentNotice(person=one.person, days_left=one.days_left(now)) for one in connections.ending_soon(now=now)]
