"""What is covered is what was requested last, day by day, whatever the order and size of the answers."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ingestion.models import CoveredDays
from ingestion.sync import coverage
from ingestion.sync.coverage import CAMPAIGN_DAYS, CREATIVE_DAYS, Coverage
from ingestion.sync.windows import days_between
from tests.builders import NOW, make_ad_account

DAY = date(2026, 11, 1)
DAYS = st.tuples(st.integers(0, 12), st.integers(0, 6)).map(
    lambda one: (DAY + timedelta(days=one[0]), DAY + timedelta(days=one[0] + one[1]))
)
ANSWERS = st.lists(st.tuples(DAYS, st.integers(0, 3), st.booleans()), min_size=1, max_size=12)


def rows(ad_account_id: int) -> list[tuple[date, date, datetime, bool]]:
    found = CoveredDays.objects.filter(account=ad_account_id, data_table=CAMPAIGN_DAYS.data_table)
    return list(found.order_by("first_day").values_list("first_day", "last_day", "asked_at", "is_whole"))


class CoverageTests(TestCase):
    @settings(max_examples=150)
    @given(answers=ANSWERS)
    def test_each_day_is_as_its_last_answer_left_it(self, answers) -> None:
        ad_account = make_ad_account()
        other = make_ad_account()
        model: dict[date, tuple[datetime, bool]] = {}
        for days, hour, is_whole in answers:
            asked_at = NOW + timedelta(hours=hour)
            coverage.record(CAMPAIGN_DAYS, days, ad_account_id=ad_account.pk, asked_at=asked_at, is_whole=is_whole)
            model |= dict.fromkeys(days_between(*days), (asked_at, is_whole))
        stored = rows(ad_account.pk)
        by_day = [(day, (asked, whole)) for first, last, asked, whole in stored for day in days_between(first, last)]
        assert len(by_day) == len(dict(by_day)), "no day is in two stretches"
        assert dict(by_day) == model
        assert rows(other.pk) == []


@pytest.mark.django_db
def test_answers_of_one_run_become_one_stretch() -> None:
    ad_account = make_ad_account()
    for offset in (20, 0, 10):
        first_day = DAY + timedelta(days=offset)
        coverage.record(
            CAMPAIGN_DAYS, (first_day, first_day + timedelta(days=9)), ad_account_id=ad_account.pk, asked_at=NOW
        )
    assert rows(ad_account.pk) == [(DAY, DAY + timedelta(days=29), NOW, True)]


@pytest.mark.django_db
def test_figures_are_covered_where_campaigns_and_creatives_both_are() -> None:
    ad_account, other = make_ad_account(), make_ad_account()

    def record(dataset: coverage.Dataset, first: int, last: int, of: int = ad_account.pk) -> None:
        days = (DAY + timedelta(days=first), DAY + timedelta(days=last))
        coverage.record(dataset, days, ad_account_id=of, asked_at=NOW)

    def found() -> list[tuple[int, int]]:
        days = coverage.stretches_of_figures(ad_account_id=ad_account.pk, now=NOW)
        return [((one.first_day - DAY).days, (one.last_day - DAY).days) for one in days]

    record(CAMPAIGN_DAYS, 0, 10)
    record(CREATIVE_DAYS, 0, 30, of=other.pk)
    assert found() == []
    record(CREATIVE_DAYS, 4, 6)
    record(CREATIVE_DAYS, 9, 20)
    assert found() == [(4, 6), (9, 10)]


@pytest.mark.django_db
def test_a_run_requests_what_was_not_requested_lately() -> None:
    ad_account = make_ad_account()
    days = (DAY, DAY + timedelta(days=9))
    coverage.record(CAMPAIGN_DAYS, days, ad_account_id=ad_account.pk, asked_at=NOW - timedelta(hours=5))
    coverage.record(CAMPAIGN_DAYS, (DAY, DAY), ad_account_id=ad_account.pk, asked_at=NOW - timedelta(hours=1))
    resumed = Coverage(ad_account.pk, NOW, resume_after=NOW - timedelta(hours=4))
    assert resumed.days_left(CAMPAIGN_DAYS, days) == [(DAY + timedelta(days=1), days[1])]
    assert Coverage(ad_account.pk, NOW, resume_after=None).days_left(CAMPAIGN_DAYS, days) == [days]
