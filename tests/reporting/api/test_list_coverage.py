"""Lists of daily figures say which days are stored, whichever of their ends is asked for."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import AdAccount
from tests import builders
from tests.builders import NOW
from tests.reporting.api.asking import get

pytestmark = pytest.mark.django_db

TODAY, DAY = NOW.date(), timedelta(days=1)
YESTERDAY = TODAY - DAY
OLDEST, GAP = TODAY - 30 * DAY, TODAY - 10 * DAY
LISTS = ("campaign-metrics", "creative-metrics")


@pytest.fixture(autouse=True)
def covered(bobs_ad_account: AdAccount) -> None:
    for first, last in ((OLDEST, GAP - DAY), (GAP + DAY, TODAY)):
        builders.make_covered_days(account=bobs_ad_account, first_day=first, last_day=last)


def days(first: date, last: date) -> dict[str, str]:
    return {"first_day": str(first), "last_day": str(last)}


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ({}, OLDEST, TODAY),
        ({"date_from": OLDEST - 5 * DAY}, OLDEST - 5 * DAY, TODAY),
        ({"date_from": GAP}, GAP, TODAY),
        ({"date_to": YESTERDAY}, OLDEST, YESTERDAY),
        ({"date_to": OLDEST - 3 * DAY}, OLDEST - 3 * DAY, OLDEST - 3 * DAY),
        ({"date_from": TODAY + DAY}, TODAY + DAY, TODAY + DAY),
        ({"date_from": GAP + DAY, "date_to": YESTERDAY}, GAP + DAY, YESTERDAY),
        # Ten years at most, of the days that there can be.
        ({"date_from": date(1990, 1, 1)}, date(2016, 11, 21), TODAY),
        ({"date_from": date(1990, 1, 1), "date_to": date(1995, 1, 1)}, date(2000, 1, 1), date(2000, 1, 1)),
        ({"date_to": date(2150, 1, 1)}, date(2090, 1, 1), date(2099, 12, 31)),
    ],
)
def test_of_the_days_that_are_asked_for(
    as_alice: Client, path: str, asked: dict[str, date], first: date, last: date
) -> None:
    found = get(as_alice, path, **asked)["coverage"]
    assert (found["first_day"], found["last_day"]) == (str(first), str(last))
    assert found["is_whole"] is (first > GAP and last < TODAY)
    if first <= GAP <= last:
        assert days(GAP, GAP) in found["missing"]
    if last == TODAY:
        assert found["missing"][-1]["last_day"] == str(TODAY), "it is not over"


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("file_format", ["csv", "xlsx", "ndjson"])
def test_files_say_it_too(as_alice: Client, path: str, file_format: str) -> None:
    response: Any = as_alice.get(f"/api/v1/{path}?format={file_format}")
    assert response.getvalue() is not None
    assert response["Missing-Days"] == f"{GAP}/{GAP}, {TODAY}/{TODAY}"


@pytest.mark.parametrize("path", LISTS)
def test_of_the_ad_accounts_that_are_asked_for(as_alice: Client, bobs_ad_account: AdAccount, path: str) -> None:
    never = builders.make_ad_account()
    found = get(as_alice, path, ad_account_id=bobs_ad_account.pk)["coverage"]
    assert found["stored"] == [days(OLDEST, GAP - DAY), days(GAP + DAY, YESTERDAY)]
    assert get(as_alice, path)["coverage"]["stored"] == [], "a day counts only if all of them have it"
    nothing = get(as_alice, path, ad_account_id=never.pk)["coverage"]
    assert (nothing["first_day"], nothing["stored_since"], nothing["missing"]) == (
        str(TODAY),
        None,
        [days(TODAY, TODAY)],
    )


def test_lists_of_months_have_none(as_alice: Client) -> None:
    assert "coverage" not in get(as_alice, "demographics")
