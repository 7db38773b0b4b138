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
AD_ACCOUNTS = PageReader(records.AdAccountRecord, drops_fields=True)
CAMPAIGNS = PageReader(records.CampaignRecord, drops_fields=True)
CREATIVES = PageReader(records.CreativeRecord, drops_fields=True)


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


@pytest.mark.parametrize("wrong", [{"id": 0}, {"id": "7"}, {"id": 2**63}, {"id": None}, {"id": {"id": 7}}])
@pytest.mark.parametrize("also", [{}, {"dailyBudget": {}}])
def test_a_campaign_without_a_valid_id_is_rejected(wrong, also):
    page = page_of(CAMPAIGNS, {"id": 1, "name": "a"}, {"id": 2, "name": "b", **wrong, **also})
    assert [campaign.id for campaign in page.records] == [1]
    assert "id: " in page.rejected[0].reason
    assert not page.incomplete


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": 7},
        {"id": "urn:li:sponsoredCampaign:1"},
        {"campaign": None},
        {"campaign": "urn:li:sponsoredCampaignGroup:1"},
    ],
)
def test_a_creative_without_its_id_or_campaign_is_rejected_with_its_field(wrong):
    clean = {"id": "urn:li:sponsoredCreative:1", "campaign": "urn:li:sponsoredCampaign:2"}
    page = page_of(CREATIVES, clean, {**clean, **wrong})
    assert len(page.records) == 1
    [field] = wrong
    assert page.rejected[0].reason.startswith(f"{field}: ")


MONEY = {"amount": "12.5", "currencyCode": "EUR"}
STAMPS = {"created": {"time": 1_760_000_000_000}, "lastModified": {"time": 1_770_000_000_000}}
WHOLE = {
    AD_ACCOUNTS: {
        "id": 1, "name": "a", "status": "ACTIVE", "currency": "EUR", "type": "BUSINESS", "test": False,
        "reference": "urn:li:organization:1", "servingStatuses": ["RUNNABLE"], "changeAuditStamps": STAMPS,
    },
    CAMPAIGNS: {
        "id": 1, "account": "urn:li:sponsoredAccount:1", "name": "a", "status": "ACTIVE", "type": "TEXT_AD",
        "format": "TEXT_AD", "objectiveType": "WEBSITE_VISIT", "costType": "CPC", "optimizationTargetType": "NONE",
        "creativeSelection": "ROUND_ROBIN", "offsiteDeliveryEnabled": True, "audienceExpansionEnabled": False,
        "campaignGroup": "urn:li:sponsoredCampaignGroup:1", "dailyBudget": MONEY, "totalBudget": MONEY,
        "unitCost": MONEY, "servingStatuses": ["RUNNABLE"], "changeAuditStamps": STAMPS,
        "runSchedule": {"start": 1_760_000_000_000, "end": 1_770_000_000_000},
    },
    CREATIVES: {
        "id": "urn:li:sponsoredCreative:1", "campaign": "urn:li:sponsoredCampaign:1", "name": "a",
        "intendedStatus": "ACTIVE", "isServing": True, "servingHoldReasons": ["STOPPED"],
        "review": {"status": "APPROVED"}, "createdAt": 1_760_000_000_000, "lastModifiedAt": 1_770_000_000_000,
        "content": {"reference": "urn:li:share:1"},
    },
}  # fmt: skip
REQUIRED = {("id",), ("campaign",)}


def paths_of(element, *above):
    """Every field of an element, however deep."""
    for key, value in element.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from paths_of(value, *above, key)


def changed(element, path, value):
    key, *rest = path
    return {**element, key: changed(element[key], rest, value) if rest else value}


OPTIONAL = [(reader, path) for reader, whole in WHOLE.items() for path in paths_of(whole) if path not in REQUIRED]


@pytest.mark.parametrize("reader", WHOLE)
def test_the_whole_elements_have_every_field(reader):
    [record] = page_of(reader, WHOLE[reader]).records
    assert not [name for name in record.__slots__ if getattr(record, name) is None]


@pytest.mark.parametrize(("reader", "path"), OPTIONAL, ids=lambda one: ".".join(one) if type(one) is tuple else "")
def test_a_record_is_kept_without_an_optional_field_that_is_invalid(reader, path):
    """Each field in turn is everything that JSON can hold; whatever is valid there is read."""
    deep = value = []
    for _ in range(300):
        value = [value]
    for broken in (7, -1, 10**400, 1.5, float("nan"), True, "a\x00b", "half \ud83d", [], [7], ["a", None], {}, {"x": 1},
                   {"currencyCode": "EUR"}, {"time": "now"}, {"start": 10**16}, None, value, deep):  # fmt: skip
        page = page_of(reader, WHOLE[reader], changed(WHOLE[reader], path, broken))
        assert (len(page.records), page.rejected) == (2, [])
        whole, kept = page.records
        differing = {name for name in whole.__slots__ if getattr(whole, name) != getattr(kept, name)}
        # `changeAuditStamps` is the one field of LinkedIn's that we keep in two.
        assert len(differing) <= (2 if path == ("changeAuditStamps",) else 1), differing
        for incomplete in page.incomplete:
            assert incomplete.reason.rpartition("; stored without ")[2].startswith(path[0])
            assert incomplete.payload["id"] == WHOLE[reader]["id"]


@pytest.mark.parametrize(
    ("changes", "reason", "left"),
    [
        ({"name": "a\x00b"}, "name: ", "name"),
        ({"name": "half \ud83d"}, "record: ", "name"),
        ({"name": 5}, "name: ", "name"),
        ({"offsiteDeliveryEnabled": "true"}, "offsiteDeliveryEnabled: ", "offsiteDeliveryEnabled"),
        ({"servingStatuses": "RUNNABLE"}, "servingStatuses: ", "servingStatuses"),
        ({"servingStatuses": ["RUNNABLE", 7]}, "servingStatuses.1: ", "servingStatuses"),
        ({"dailyBudget": {"currencyCode": "EUR"}}, "dailyBudget.amount: ", "dailyBudget"),
        ({"dailyBudget": {"amount": "many"}}, "dailyBudget.amount: ", "dailyBudget"),
        ({"dailyBudget": {"amount": "1", "currencyCode": 9}}, "dailyBudget.currencyCode: ", "dailyBudget.currencyCode"),
        ({"runSchedule": {"start": 10**16}}, "runSchedule.start: ", "runSchedule.start"),
        ({"runSchedule": 7, "name": 7}, "name: ", "name, runSchedule"),
        ({"changeAuditStamps": {"created": {"time": "now"}}}, "changeAuditStamps.created.time: ",
         "changeAuditStamps.created.time"),
    ],
)  # fmt: skip
def test_what_a_record_is_kept_without_is_named(changes, reason, left):
    page = page_of(CAMPAIGNS, {"id": 1, "name": "a"}, {"id": 2, "costType": "CPC", **changes})
    assert [(campaign.id, campaign.cost_type) for campaign in page.records] == [(1, None), (2, "CPC")]
    assert not page.rejected
    [incomplete] = page.incomplete
    assert incomplete.reason.startswith(reason)
    assert incomplete.reason.endswith(f"; stored without {left}")


@pytest.mark.parametrize("name", ["impressions", "clicks", "costInLocalCurrency"])
def test_a_row_of_figures_is_never_kept_without_one(name):
    page = page_of(DAYS, row(**{name: "many"}), check=february())
    assert (page.records, len(page.rejected), page.incomplete) == ([], 1, [])


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
