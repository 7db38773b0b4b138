"""Pivots that LinkedIn no longer sends."""

from datetime import timedelta

import pytest

from accounts.models import AdAccount
from ingestion.models import AudienceDemographic, CoveredDays
from reporting.queries.late_demographics import LatePivot, late_demographics
from tests.builders import NOW, make_ad_account, make_covered_days

pytestmark = pytest.mark.django_db

PIVOTS = AudienceDemographic.PivotType
TODAY = NOW.date()


def late() -> list[LatePivot]:
    return late_demographics(ad_accounts=AdAccount.objects.all())


def synced(ad_account: AdAccount, *, without: tuple[str, ...] = (), days_ago: int = 0) -> None:
    """A sync of the newest days; the pivots that it did not get keep what they had."""
    kept = list(CoveredDays.objects.filter(account=ad_account, pivot_type__in=without))
    make_covered_days(
        account=ad_account,
        first_day=TODAY - timedelta(days=30),
        last_day=TODAY - timedelta(days=days_ago),
        asked_at=NOW - timedelta(days=days_ago),
    )
    CoveredDays.objects.filter(account=ad_account, pivot_type__in=without).delete()
    CoveredDays.objects.bulk_create(kept)


def test_nothing_is_late_where_everything_came_or_nothing_ever_did() -> None:
    synced(make_ad_account())
    make_ad_account()
    assert late() == []


def test_a_pivot_that_is_refused_is_late_since_its_last_answer() -> None:
    ad_account = make_ad_account()
    synced(ad_account, days_ago=8)
    synced(ad_account, without=(PIVOTS.JOB_TITLE, PIVOTS.REGION))
    since = TODAY - timedelta(days=8)
    assert late() == [LatePivot("Job title", since), LatePivot("Region", since)]


def test_of_several_ad_accounts_the_one_that_waits_longest_counts() -> None:
    first, second = make_ad_account(), make_ad_account()
    synced(first, days_ago=8)
    synced(second, days_ago=4)
    for one in (first, second):
        synced(one, without=(PIVOTS.COMPANY,))
    assert late() == [LatePivot("Company", TODAY - timedelta(days=8))]
    synced(make_ad_account(), without=(PIVOTS.COMPANY,))
    assert late() == [LatePivot("Company", None)]


def test_a_sync_that_has_not_come_to_its_demographics_yet_is_not_late() -> None:
    ad_account = make_ad_account()
    synced(ad_account)
    CoveredDays.objects.filter(account=ad_account, data_table="audience_demographics").update(
        asked_at=NOW - timedelta(hours=5)
    )
    assert late() == []
