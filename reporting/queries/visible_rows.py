"""Whether the rows that somebody names are there, for them to see: what is somebody else's is not there either."""

from collections.abc import Collection
from typing import Any, Final

from django.db.models import Model

from accounts import access
from accounts.access import Asker
from accounts.models import AdAccount
from ingestion.models import Campaign, Creative, SyncLog

# The path from a row to its ad account.
_AD_ACCOUNT: Final[dict[type[Model], str]] = {
    AdAccount: "pk",
    Campaign: "account",
    Creative: "account",
    SyncLog: "account",
}


def are_visible(user: Asker, model: type[Model], ids: Collection[Any]) -> bool:
    """Whether each of the ids is that of a row that this person may see."""
    wanted = set(ids)
    rows = model._default_manager.filter(pk__in=wanted)
    if not access.sees_every_ad_account(user):
        rows = rows.filter(**{f"{_AD_ACCOUNT[model]}__in": access.visible_ad_accounts(user)})
    return rows.count() == len(wanted)
