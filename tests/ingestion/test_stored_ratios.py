"""Stored ratios are empty where there is nothing to divide by: 0 would be a rate, and the lowest one."""

from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client

from ingestion.models import AccountDailyTotal, AudienceDemographic, CampaignDailyMetric, CreativeDailyMetric
from tests.builders import DAY, NOW, make_ad_account, make_campaign, make_campaign_day, make_creative_day, make_segment

pytestmark = pytest.mark.django_db

MODELS = (AccountDailyTotal, CampaignDailyMetric, CreativeDailyMetric, AudienceDemographic)
# By impressions and clicks, with a spend of 50.
CASES = {
    (1000, 20): (Decimal(2), Decimal("2.5")),
    (3, 1): (Decimal("33.333333"), Decimal(50)),
    (1000, 0): (Decimal(0), None),
    (0, 0): (None, None),
    (0, 5): (None, Decimal(10)),
}
migration = import_module("ingestion.migrations.0021_stored_ratios_are_empty_without_a_divisor")


def make(model: type[Model], impressions: int, clicks: int) -> Any:
    values = {"impressions": impressions, "clicks": clicks, "spend": Decimal(50)}
    if model is AccountDailyTotal:
        return AccountDailyTotal.objects.create(account=make_ad_account(), date=DAY, fetched_at=NOW, **values)
    makers: dict[Any, Any] = {
        CampaignDailyMetric: make_campaign_day, CreativeDailyMetric: make_creative_day,
        AudienceDemographic: make_segment,
    }  # fmt: skip
    return makers[model](**values)


def ratios(row: Any) -> tuple[Decimal | None, ...]:
    row.refresh_from_db()
    return (row.ctr,) if isinstance(row, AudienceDemographic) else (row.ctr, row.cpc)


@pytest.mark.parametrize("model", MODELS)
def test_without_a_divisor_there_is_none(model: type[Model]) -> None:
    for (impressions, clicks), expected in CASES.items():
        row = make(model, impressions, clicks)
        assert ratios(row) == expected[: len(ratios(row))]


@pytest.mark.django_db(transaction=True)
def test_the_migration_works_them_out_of_stored_rows_and_back() -> None:
    rows = {(model, counts): make(model, *counts) for model in MODELS for counts in CASES}
    with connection.cursor() as cursor:
        for operation in migration.Migration.operations:
            cursor.execute(operation.reverse_sql)
        for (_, counts), row in rows.items():
            earlier = [0 if ratio is None else ratio for ratio in CASES[counts]]
            assert [*ratios(row)] == earlier[: len(ratios(row))]
        for operation in migration.Migration.operations:
            cursor.execute(operation.sql)
    for (_, counts), row in rows.items():
        assert ratios(row) == CASES[counts][: len(ratios(row))]


@pytest.mark.parametrize(
    ("sign", "expected"), [("-", [(1000, 5), (1000, 0), (0, 0)]), ("", [(0, 0), (1000, 0), (1000, 5)])]
)
def test_the_admin_lists_none_as_the_lowest(as_alice: Client, sign: str, expected: list[tuple[int, int]]) -> None:
    campaign = make_campaign()
    for back, (impressions, clicks) in enumerate([(0, 0), (1000, 5), (1000, 0)]):
        date = DAY.replace(day=10 + back)
        make_campaign_day(campaign=campaign, date=date, impressions=impressions, clicks=clicks)
    address = f"/admin/ingestion/campaigndailymetric/?campaign__id__exact={campaign.pk}"
    columns = as_alice.get(address).context["cl"].list_display
    [place] = [at for at, column in enumerate(columns) if getattr(column, "__name__", "").startswith("ctr")]
    found = as_alice.get(f"{address}&o={sign}{place}").context["cl"].result_list
    assert [(row.impressions, row.clicks) for row in found] == expected
