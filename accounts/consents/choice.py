"""Which living connection reads which ad account."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.consents import connections
from accounts.errors import NoUsableConnection
from accounts.models import AdAccount, LinkedInAdAccountRole, LinkedInConnection
from accounts.models.linkedin_connection import CONSENT_END


def usable_connection(
    ad_account_id: int, *, exclude: Collection[int] = (), now: datetime | None = None
) -> LinkedInConnection:
    """The living connection with a role on this ad account whose consent lasts longest.

    Raises NoUsableConnection, and marks the connections whose tokens have expired.
    """
    holders = LinkedInConnection.objects.filter(
        ad_account_roles__ad_account=ad_account_id, ad_account_roles__lost_at=None
    ).exclude(pk__in=exclude)
    living = holders.living(now=now or timezone.now()).order_by(CONSENT_END.desc(), "-id")
    if best := living.without_tokens().first():
        return best
    if holders.exists():
        connections.mark_needs_consent(*holders.values_list("pk", flat=True), trouble=connections.CONSENT_ENDED)
        raise NoUsableConnection(
            f"The LinkedIn consent for ad account {ad_account_id} has ended; connect LinkedIn again.",
            kind="consent",
        )
    raise NoUsableConnection(
        f"No LinkedIn connection has a role on ad account {ad_account_id}; connect LinkedIn as a member who "
        "has one in Campaign Manager.",
        kind="access",
    )


def usable_roles(*, now: datetime) -> QuerySet[LinkedInAdAccountRole]:
    """The roles through which a living connection reads an ad account, the one that `usable_connection` takes first."""
    living = LinkedInConnection.objects.living(now=now)
    roles = LinkedInAdAccountRole.objects.filter(lost_at=None, connection__in=living)
    ends_at = Greatest("connection__access_token_expires_at", "connection__refresh_token_expires_at")
    return roles.order_by(ends_at.desc(), "-connection")


def ad_accounts_read_only_by(connection_id: int, *, now: datetime) -> QuerySet[AdAccount]:
    """The ad accounts of this connection that no other living connection can sync."""
    own = LinkedInAdAccountRole.objects.filter(lost_at=None, connection=connection_id)
    others = usable_roles(now=now).exclude(connection=connection_id)
    return AdAccount.objects.filter(pk__in=own.values("ad_account")).exclude(pk__in=others.values("ad_account"))
