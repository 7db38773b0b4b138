"""The exports of one person."""

from django.db.models import QuerySet

from accounts import access
from accounts.models import User
from accounts.shell.paging import ListPage, list_page
from reporting.models import Export

EXPORTS_PER_PAGE = 50


def exports_of(person: User) -> QuerySet[Export]:
    """Those that they asked for, newest first; none once they may not enter.

    Through a token that names ad accounts only those of nothing else.
    """
    found = Export.objects.filter(asked_by=person.pk) if access.may_enter(person) else Export.objects.none()
    if person.token_ad_account_ids is not None:
        found = found.filter(ad_account_ids__contained_by=sorted(person.token_ad_account_ids))
    return found.order_by("-asked_at", "-pk")


def exports(person: User, *, page: int = 1) -> ListPage[Export]:
    return list_page(exports_of(person), number=page, per_page=EXPORTS_PER_PAGE)


def export(person: User, export_id: int) -> Export | None:
    return exports_of(person).filter(pk=export_id).first()
