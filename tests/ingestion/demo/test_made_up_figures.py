"""Made-up figures: as many as asked for, the same every time, adding up, and never among real ones."""

from datetime import date
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AdAccount
from ingestion.models import AudienceDemographic, Campaign, CampaignDailyMetric, Creative, CreativeDailyMetric
from ingestion.sync import reconciliation
from tests.builders import make_ad_account, make_sync_run

# VACUUM does not run inside a transaction.
pytestmark = pytest.mark.django_db(transaction=True)

LAST_DAY = date(2026, 10, 31)


def load(*arguments: str) -> None:
    call_command(
        *("load_test_figures", "--metric-rows", "1003", "--accounts", "3", "--days", "120", *arguments),
        stdout=StringIO(),
    )


def stored() -> list[Any]:
    return list(
        CampaignDailyMetric.objects.order_by("campaign", "date").values_list(
            "campaign", "date", "impressions", "clicks", "spend", "conversions"
        )
    )


def test_as_many_rows_as_asked_for_that_add_up_to_the_totals():
    load()
    assert AdAccount.objects.count() == 3
    assert CampaignDailyMetric.objects.count() == 1003
    assert CreativeDailyMetric.objects.count() == 2 * 1003
    assert Creative.objects.count() == 2 * Campaign.objects.count()
    assert AudienceDemographic.objects.values("pivot_type").distinct().count() == 8
    assert CampaignDailyMetric.objects.latest("date").date == LAST_DAY
    for ad_account in AdAccount.objects.all():
        assert reconciliation.gaps(ad_account_id=ad_account.pk, first_day=date(2026, 1, 1), last_day=LAST_DAY) == []


def test_the_same_arguments_give_the_same_rows():
    load()
    first = stored()
    AdAccount.objects.all().delete()
    load()
    assert stored() == first
    AdAccount.objects.all().delete()
    load("--seed", "2")
    assert [row[:2] for row in stored()] == [row[:2] for row in first]
    assert stored() != first


def test_real_rows_are_kept_apart_unless_somebody_insists():
    make_sync_run(account=make_ad_account())
    with pytest.raises(CommandError, match="Point DATABASE_URL or DATA_DIR at another one"):
        load()
    assert not CampaignDailyMetric.objects.exists()
    load("--into-this-database")
    assert CampaignDailyMetric.objects.count() == 1003


def test_a_second_time_is_refused():
    load()
    with pytest.raises(CommandError, match="already holds made-up figures"):
        load("--into-this-database")
