"""Records from LinkedIn's documented fields.

Source: LinkedIn Marketing, the page each test is named after, 202602.
"""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ingestion.linkedin import records
from ingestion.linkedin.fields import Cost, Count, Id, Instant
from tests.ingestion.linkedin.loopback import sample


def read(record, value):
    return TypeAdapter(record).validate_json(json.dumps(value))


def elements(name):
    return json.loads(sample(name))["elements"]


def test_ad_account_record_from_ad_accounts():
    assert read(records.AdAccountRecord, json.loads(sample("ad_account_get"))) == records.AdAccountRecord(
        id=123456,
        name="Company A",
        status="ACTIVE",
        currency="USD",
        type="BUSINESS",
        test=False,
        reference="urn:li:organization:2414183",
        serving_statuses=["RUNNABLE"],
        created_at=datetime(2015, 12, 10, 17, 31, 57, tzinfo=UTC),
        last_modified_at=datetime(2016, 10, 31, 19, 21, 58, 75000, tzinfo=UTC),
    )


def test_ad_account_record_invents_nothing():
    record = read(records.AdAccountRecord, {"id": 1, "changeAuditStamps": {"created": None}})
    assert record == records.AdAccountRecord(id=1)
    assert record.created_at is None


def test_ad_account_user_record_from_ad_account_users():
    first = elements("ad_account_users_unbounded_count")[0]
    assert read(records.AdAccountUserRecord, first) == records.AdAccountUserRecord(
        ad_account_id=5000123, user_urn="urn:li:person:abcd", role="VIEWER"
    )


def test_campaign_record_from_campaigns():
    record = read(records.CampaignRecord, json.loads(sample("ad_campaign_get")))
    assert record.id == 141049524
    assert record.account == "urn:li:sponsoredAccount:506289162"
    assert record.campaign_group == "urn:li:sponsoredCampaignGroup:602277684"
    assert record.daily_budget == records.MoneyRecord(amount=Decimal(1800), currency_code="USD")
    assert record.total_budget is None
    assert record.run_schedule is not None
    # LinkedIn's own example ends in the year 2282, past what 32-bit seconds can say.
    assert record.run_schedule.end == datetime(2282, 12, 22, 20, 13, 30, 123000, tzinfo=UTC)
    assert record.created_at == datetime(2018, 6, 27, 17, 16, 17, tzinfo=UTC)
    assert (record.offsite_delivery_enabled, record.optimization_target_type) == (False, "NONE")


def test_campaign_record_keeps_enum_values_linkedin_may_add():
    assert read(records.CampaignRecord, {"id": 1, "status": "BRAND_NEW"}).status == "BRAND_NEW"


def test_creative_record_from_creatives():
    read_all = [read(records.CreativeRecord, element) for element in elements("creatives_search_mixed")]
    assert [creative.content_reference for creative in read_all] == [
        "urn:li:share:7045020441609936898",
        "urn:li:ugcPost:6856810298419044352",
        "urn:li:share:7100000000000000001",
        None,
        None,
        "urn:li:adInMailContent:5551234",
        None,
    ]
    assert [creative.headline for creative in read_all][3:5] == ["Grow faster", "Spotlight Ad Demo"]
    assert [creative.review_status for creative in read_all][:2] == ["APPROVED", "REJECTED"]
    assert read_all[1].serving_hold_reasons == ["REJECTED"]
    assert read_all[0].campaign_id == 252074216
    assert read_all[6].content is None


@pytest.mark.parametrize(
    ("content", "reference", "headline"),
    [
        ({"eventAd": {"post": "urn:li:share:1", "event": "urn:li:event:2"}}, "urn:li:share:1", None),
        ({"brandNew": {"deep": [1]}}, None, None),
        ({"follow": {"headline": {"custom": "x"}}}, None, None),
        ({"reference": {"not": "text"}}, None, None),
        ("text", None, None),
        ([1], None, None),
        ({}, None, None),
    ],
)
def test_creative_record_survives_any_content(content, reference, headline):
    body = {"id": "urn:li:sponsoredCreative:1", "campaign": "urn:li:sponsoredCampaign:2", "content": content}
    record = read(records.CreativeRecord, body)
    assert (record.content_reference, record.headline) == (reference, headline)


def test_campaign_day_record_from_reporting():
    rows = [read(records.CampaignDayRecord, element) for element in elements("ad_analytics_campaign_daily")]
    assert (rows[0].campaign_id, rows[0].day) == (252074216, date(2026, 11, 17))
    assert [row.cost_in_local_currency for row in rows] == [
        Decimal("99.99999999999996"),
        Decimal("-2E-18"),
        Decimal("24.457317520310493"),
    ]
    assert (rows[0].impressions, rows[0].sends) == (19464, None)


def test_demographic_month_record_from_reporting():
    first = read(records.DemographicMonthRecord, elements("ad_analytics_member_job_title_all")[0])
    assert (first.segment, first.first_day, first.last_day) == (
        "urn:li:title:68",
        date(2026, 10, 1),
        date(2026, 10, 31),
    )


def test_name_record_takes_both_spellings():
    plain = read(records.NameRecord, elements("ad_targeting_entities_urns")[2])
    mixed = read(records.NameRecord, elements("ad_targeting_entities_mixed_query_version")[0])
    assert plain == records.NameRecord(urn="urn:li:seniority:9", name="Partner")
    assert mixed == records.NameRecord(urn="urn:li:title:9", name="Software Engineer")


@pytest.mark.parametrize("record", [records.CampaignDayRecord, records.AdAccountRecord])
def test_records_are_frozen_and_without_dict(record):
    assert not hasattr(record, "__dict__") or "__slots__" in vars(record)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *[(Count, text) for text in ("12.0", '"12"', "-1", "2147483648", "true", "1e3", "NaN", "[]")],
        *[(Id, text) for text in ("0", "-1", "9223372036854775808", '"7"', "7.0", "true")],
        *[(Cost, text) for text in ('"NaN"', "NaN", "Infinity", '"-Infinity"', "1e13", "true", '""', '"12 EUR"')],
        *[(Instant, text) for text in ("253402300800000", "-99999999999999999", "1.5", '"2026-01-01"', "true")],
    ],
)
def test_dirty_values_are_refused(kind, text):
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_json(text)


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_instant_is_exact_to_the_millisecond(milliseconds):
    instant = TypeAdapter(Instant).validate_json(str(milliseconds))
    assert (instant - datetime(1970, 1, 1, tzinfo=UTC)) // (instant.resolution * 1000) == milliseconds


@given(st.decimals(-(10**13) + 1, 10**13 - 1, allow_nan=False, allow_infinity=False))
def test_cost_is_exact(amount):
    assert TypeAdapter(Cost).validate_json(json.dumps(str(amount))) == amount


@given(
    st.from_type(type(None))
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_json_makes_a_creative_crash(content):
    body = {"id": "urn:li:sponsoredCreative:1", "campaign": "urn:li:sponsoredCampaign:2", "content": content}
    records.CreativeRecord(**body)
