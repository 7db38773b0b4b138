"""A dirty element is set aside with its field named; its neighbours are kept."""

import json
from datetime import date

import pytest

from ingestion.linkedin import records
from ingestion.linkedin.answers import NotJson
from ingestion.linkedin.checks import DayCheck, MonthCheck
from ingestion.linkedin.errors import UnexpectedResponse
from ingestion.linkedin.pages import PageReader

DAYS = PageReader(records.CampaignDayRecord)
MONTHS = PageReader(records.DemographicMonthRecord)
CAMPAIGNS = PageReader(records.CampaignRecord)
CREATIVES = PageReader(records.CreativeRecord)


def row(**changes):
    day = {"year": 2026, "month": 2, "day": 3}
    return {
        "pivotValues": ["urn:li:sponsoredCampaign:7"],
        "dateRange": {"start": day, "end": day},
        "impressions": 5,
        "costInLocalCurrency": "1.5",
        **changes,
    }


def on(year, month, day, until=None):
    start = {"year": year, "month": month, "day": day}
    return {"start": start, "end": until or start}


def page_of(reader, *elements, check=None):
    body = json.dumps({"elements": elements, "paging": {"start": 0, "count": 10, "links": []}}).encode()
    return reader.listing(body, endpoint="/rest/x", wrong_with=check).page


def february():
    return DayCheck(date(2026, 2, 1), date(2026, 2, 28))


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"impressions": -1}, "impressions", "greater than or equal to 0"),
        ({"impressions": 2**31}, "impressions", "less than or equal"),
        ({"impressions": "5"}, "impressions", "valid integer"),
        ({"impressions": 5.0}, "impressions", "valid integer"),
        ({"clicks": True}, "clicks", "valid integer"),
        ({"costInLocalCurrency": "abc"}, "costInLocalCurrency", "valid decimal"),
        ({"costInLocalCurrency": "NaN"}, "costInLocalCurrency", "finite"),
        ({"costInLocalCurrency": float("inf")}, "costInLocalCurrency", "finite"),
        ({"costInLocalCurrency": "1E+13"}, "costInLocalCurrency", "less than"),
        ({"costInLocalCurrency": 10**400}, "costInLocalCurrency", "finite"),
        ({"pivotValues": []}, "pivotValues", "required"),
        ({"pivotValues": ["urn:li:sponsoredCampaign:7", "x"]}, "pivotValues", "at most 1"),
        ({"pivotValues": ["urn:li:sponsoredCreative:7"]}, "pivotValues.0", "match pattern"),
        ({"pivotValues": ["urn:li:sponsoredCampaign:0"]}, "pivotValues.0", "match pattern"),
        ({"pivotValues": [f"urn:li:sponsoredCampaign:{2**63}"]}, "pivotValues.0", "match pattern"),
        ({"pivotValues": ["urn:li:sponsoredCampaign:7\n"]}, "pivotValues.0", "match pattern"),
        ({"pivotValues": None}, "pivotValues", "valid array"),
        ({"dateRange": None}, "dateRange", ""),
        ({"dateRange": on(2026, 13, 1)}, "dateRange.start.month", "less than or equal to 12"),
        ({"dateRange": on("2026", 2, 1)}, "dateRange.start.year", "valid integer"),
        ({"dateRange": on(2026, 2, 31)}, "dateRange", "2026-02-31 is not a calendar day"),
        ({"dateRange": on(2026, 3, 1)}, "dateRange", "not within 2026-02-01 to 2026-02-28"),
        (
            {"dateRange": on(2026, 2, 1, {"year": 2026, "month": 2, "day": 2})},
            "dateRange",
            "start 2026-02-01 and end 2026-02-02 are not the same day",
        ),
    ],
)
def test_a_dirty_row_is_rejected_with_its_field_and_the_others_are_kept(changes, field, words):
    page = page_of(DAYS, row(), row(**changes), row(impressions=6), check=february())
    assert [record.impressions for record in page.records] == [5, 6]
    assert page.received == 3
    (rejected,) = page.rejected
    assert rejected.reason.startswith(field)
    assert words in rejected.reason
    assert "\n" not in rejected.reason
    assert rejected.endpoint == "/rest/x"
    assert json.loads(json.dumps(rejected.payload, allow_nan=False))["dateRange"] == row(**changes)["dateRange"]


@pytest.mark.parametrize("element", [None, 7, "text", [], {}, True])
def test_what_is_no_row_at_all_is_rejected(element):
    page = page_of(DAYS, element, row(), check=february())
    assert (len(page.records), len(page.rejected)) == (1, 1)
    assert page.rejected[0].payload == element
    assert page.rejected[0].identity is None
    assert page.rejected[0].reason


def test_a_row_of_another_ad_account_is_rejected():
    check = DayCheck(date(2026, 2, 1), date(2026, 2, 28), only_pivot="urn:li:sponsoredCampaign:8")
    page = page_of(DAYS, row(), check=check)
    assert page.rejected[0].reason == "pivotValues: urn:li:sponsoredCampaign:7 was not requested"
    assert page.rejected[0].identity == "urn:li:sponsoredCampaign:7"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": 0}, "id"),
        ({"id": "7"}, "id"),
        ({"id": 2**63}, "id"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "half \ud83d"}, "record"),
        ({"name": 5}, "name"),
        ({"offsiteDeliveryEnabled": "true"}, "offsiteDeliveryEnabled"),
        ({"servingStatuses": "RUNNABLE"}, "servingStatuses"),
        ({"dailyBudget": {"currencyCode": "EUR"}}, "dailyBudget.amount"),
        ({"dailyBudget": {"amount": "many"}}, "dailyBudget.amount"),
        ({"runSchedule": {"start": 10**16}}, "runSchedule.start"),
        ({"changeAuditStamps": {"created": {"time": "now"}}}, "changeAuditStamps.created.time"),
    ],
)
def test_a_dirty_campaign_is_rejected_with_its_field(changes, field):
    page = page_of(CAMPAIGNS, {"id": 1, "name": "a"}, {"id": 2, "name": "b", **changes})
    assert [campaign.id for campaign in page.records] == [1]
    assert page.rejected[0].reason.startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": 7}, "id"),
        ({"id": "urn:li:sponsoredCampaign:1"}, "id"),
        ({"campaign": None}, "campaign"),
        ({"campaign": "urn:li:sponsoredCampaignGroup:1"}, "campaign"),
        ({"isServing": 1}, "isServing"),
    ],
)
def test_a_dirty_creative_is_rejected_with_its_field(changes, field):
    clean = {"id": "urn:li:sponsoredCreative:1", "campaign": "urn:li:sponsoredCampaign:2"}
    page = page_of(CREATIVES, clean, {**clean, **changes})
    assert len(page.records) == 1
    assert page.rejected[0].reason.startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (on(2026, 2, 30), "are not calendar days"),
        (on(2026, 2, 1, {"year": 2026, "month": 3, "day": 31}), "not within one month"),
        (on(2026, 2, 5, {"year": 2026, "month": 2, "day": 4}), "not within one month"),
        (on(2026, 4, 1), "outside the months requested"),
    ],
)
def test_a_row_of_no_month_asked_for_is_rejected(days, words):
    check = MonthCheck(date(2026, 2, 10), date(2026, 3, 5))
    whole = on(2026, 2, 1, {"year": 2026, "month": 2, "day": 28})
    page = page_of(MONTHS, row(dateRange=whole), row(dateRange=days), check=check)
    assert len(page.records) == 1
    assert words in page.rejected[0].reason


def test_a_payload_can_be_stored_as_jsonb():
    deep: list[object] = []
    for _ in range(300):
        deep = [deep]
    page = page_of(CAMPAIGNS, {"id": -1, "name": "a\x00b\ud800", "x": float("nan"), "y": 10**50, "z": deep})
    text = json.dumps(page.rejected[0].payload, allow_nan=False)
    assert "\\u0000" not in text
    assert "\\ud800" not in text
    assert page.rejected[0].payload["name"] == "a\ufffdb\ufffd"


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"elements": [', b'{"elements": []', b"\xff\xfe"])
def test_a_body_that_is_no_json_is_told_apart(body):
    with pytest.raises(NotJson):
        DAYS.listing(body, endpoint="/rest/x")


@pytest.mark.parametrize("body", [b"{}", b"[]", b"7", b'{"elements": null}', b'{"elements": {}}',
                                  b'{"elements": [], "metadata": {"nextPageToken": 7}}'])  # fmt: skip
def test_an_envelope_linkedin_does_not_document_is_refused(body):
    with pytest.raises(UnexpectedResponse, match="/rest/x"):
        DAYS.listing(body, endpoint="/rest/x")


def test_a_dirty_page_keeps_its_token():
    body = json.dumps({"elements": [{"id": 0}], "metadata": {"nextPageToken": "abc"}}).encode()
    assert CAMPAIGNS.listing(body, endpoint="/rest/x").next_page_token == "abc"
