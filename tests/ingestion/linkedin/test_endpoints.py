"""Each endpoint asks for what LinkedIn documents and gives pages of records.

Source: the pages named in the module, 202602.
"""

import json
from datetime import date
from typing import Any

import pytest

from ingestion import catalogue
from ingestion.linkedin import endpoints, errors
from ingestion.linkedin.client import MAX_QUERY_BYTES
from tests.ingestion.linkedin.loopback import Reply, as_json, sample

# Metrics that came later than those spelt here.
LATER = "".join(f",{one.field}" for one in catalogue.DAILY if one in catalogue.CATALOGUE[catalogue.FIRST_METRICS :])
FEBRUARY: dict[str, Any] = {"first_day": date(2026, 2, 1), "last_day": date(2026, 2, 28)}


def targets(script):
    return [request.target for request in script.requests]


def test_ad_account(client, script):
    script.answer(Reply(200, sample("ad_account_get")))
    page = endpoints.ad_account(client, ad_account_id=123456)
    assert [record.id for record in page.records] == [123456]
    assert targets(script) == ["/rest/adAccounts/123456"]


def test_ad_account_that_is_dirty(client, script):
    script.answer(as_json({"id": "x", "name": "a"}))
    page = endpoints.ad_account(client, ad_account_id=1)
    assert (page.records, page.rejected[0].identity) == ([], "x")


def test_ad_account_without_access(client, script):
    script.answer(Reply(404, sample("error_404_not_found")))
    with pytest.raises(errors.AccessDenied):
        endpoints.ad_account(client, ad_account_id=1)


def test_ad_accounts_follows_the_tokens(client, script):
    script.answer(Reply(200, sample("ad_accounts_search")), Reply(200, sample("ad_accounts_search_last_page")))
    pages = list(endpoints.ad_accounts(client))
    assert [[record.id for record in page.records] for page in pages] == [[123456, 508774356], [514000001]]
    assert targets(script) == [
        "/rest/adAccounts?q=search&pageSize=1000",
        "/rest/adAccounts?q=search&pageSize=1000&pageToken=DgGerr1iVQreCJVjZDOW_grcp63nueBDipsS4DJpvJo",
    ]


@pytest.mark.parametrize(
    "end", [{}, {"metadata": None}, {"metadata": {}}, {"metadata": {"nextPageToken": None}},
            {"metadata": {"nextPageToken": ""}}],
)  # fmt: skip
def test_campaigns_goes_on_after_short_and_empty_pages_until_no_token(client, script, end):
    token = "a+b/c=(1)"
    script.answer(
        as_json({"elements": [{"id": 1}], "metadata": {"nextPageToken": token}}),
        as_json({"elements": [], "metadata": {"nextPageToken": "last"}}),
        as_json({"elements": [{"id": 2}], **end}),
    )
    pages = list(endpoints.campaigns(client, ad_account_id=5))
    assert [page.received for page in pages] == [1, 0, 1]
    assert targets(script)[1:] == [
        "/rest/adAccounts/5/adCampaigns?q=search&pageSize=1000&pageToken=a%2Bb%2Fc%3D%281%29",
        "/rest/adAccounts/5/adCampaigns?q=search&pageSize=1000&pageToken=last",
    ]


def test_campaigns_refuses_a_repeating_token(client, script):
    script.answer(as_json({"elements": [], "metadata": {"nextPageToken": "a"}}))
    with pytest.raises(errors.UnexpectedResponse, match="repeats"):
        list(endpoints.campaigns(client, ad_account_id=5))
    assert client.calls_made == 2


def test_campaigns_of_every_status(client, script):
    script.answer(Reply(200, sample("ad_campaigns_search")))
    page = next(endpoints.campaigns(client, ad_account_id=508774356))
    assert not page.rejected
    assert [(record.status, record.cost_type) for record in page.records][:2] == [
        ("ACTIVE", "CPM"),
        ("COMPLETED", "CPM"),
    ]


def test_ad_account_users_ends_at_the_total(client, script):
    script.answer(Reply(200, sample("ad_account_users_unbounded_count")))
    (page,) = endpoints.ad_account_users(client)
    assert [record.ad_account_id for record in page.records] == [5000123, 5000234, 5000345]
    assert targets(script) == ["/rest/adAccountUsers?q=authenticatedUser&start=0&count=500"]


def test_creatives_names_its_finder(client, script):
    script.answer(Reply(200, sample("creatives_search_mixed")))
    (page,) = endpoints.creatives(client, ad_account_id=508774356)
    assert (len(page.records), page.rejected) == (7, [])
    assert targets(script) == ["/rest/adAccounts/508774356/creatives?q=criteria&pageSize=100"]
    assert script.requests[0].headers["X-RestLi-Method"] == "FINDER"


def test_creatives_asks_for_smaller_pages_when_heavy_ones_fail(client, script):
    def heavy(request):
        if "pageSize=100" in request.target:
            return Reply(500, sample("error_500_internal"))
        return as_json({"elements": [], "metadata": {"nextPageToken": "b"} if "Token" not in request.target else {}})

    script.answer(heavy)
    assert len(list(endpoints.creatives(client, ad_account_id=5))) == 2
    sizes = [target.split("pageSize=")[1] for target in targets(script)]
    assert sizes == ["100"] * 6 + ["25", "25&pageToken=b"]


def test_creatives_says_what_failed_when_smaller_pages_are_refused(client, script):
    def heavy(request):
        return Reply(500 if "pageSize=100" in request.target else 400, b"{}")

    script.answer(heavy)
    with pytest.raises(errors.Unavailable):
        list(endpoints.creatives(client, ad_account_id=5))


def test_creatives_goes_through_a_throttle_at_the_same_size(client, script):
    throttled = Reply(429, sample("error_429_legacy"))
    script.answer(*[throttled] * 8, Reply(200, sample("creatives_search_mixed")))
    assert len(list(endpoints.creatives(client, ad_account_id=5))) == 1


def test_campaign_days_asks_for_the_whole_ad_account(client, script):
    script.answer(Reply(200, sample("ad_analytics_campaign_daily")))
    days: dict[str, Any] = {"first_day": date(2026, 11, 17), "last_day": date(2026, 11, 18)}
    page = endpoints.campaign_days(client, ad_account_id=5, **days)
    assert [(row.campaign_id, row.day.day) for row in page.records] == [
        (252074216, 17),
        (252074216, 18),
        (254000999, 18),
    ]
    assert targets(script) == [
        "/rest/adAnalytics?q=analytics&pivot=CAMPAIGN&timeGranularity=DAILY"
        "&dateRange=(start:(year:2026,month:11,day:17),end:(year:2026,month:11,day:18))"
        "&accounts=List(urn%3Ali%3AsponsoredAccount%3A5)"
        "&fields=dateRange,pivotValues,impressions,clicks,costInLocalCurrency,landingPageClicks,"
        "externalWebsiteConversions,likes,comments,shares,follows,oneClickLeads,opens,sends" + LATER
    ]


def test_campaign_days_of_many_campaigns_is_tunnelled(client, script):
    script.answer(Reply(200, sample("ad_analytics_empty")))
    numbers = range(10**9, 10**9 + 200)
    page = endpoints.campaign_days(client, ad_account_id=5, campaign_ids=numbers, **FEBRUARY)
    assert page.received == 0
    body = script.requests[0].body.decode()
    assert len(body) > MAX_QUERY_BYTES
    assert "&accounts=List(urn%3Ali%3AsponsoredAccount%3A5)&" in body
    assert "&campaigns=List(urn%3Ali%3AsponsoredCampaign%3A1000000000,urn%3A" in body


def test_campaign_days_refuses_an_empty_choice(client):
    """LinkedIn would take it for no choice and answer for every campaign."""
    with pytest.raises(ValueError, match="campaign_ids is empty"):
        endpoints.campaign_days(client, ad_account_id=5, campaign_ids=[], **FEBRUARY)


def day_row(urn, day=3, month=2):
    moment = {"year": 2026, "month": month, "day": day}
    return {"pivotValues": [urn], "dateRange": {"start": moment, "end": moment}, "clicks": 1}


def test_campaign_days_asks_again_for_a_cut_page(client, script):
    whole = json.dumps({"elements": [day_row("urn:li:sponsoredCampaign:7")] * 3}).encode()
    script.answer(Reply(200, whole[:-40]), Reply(200, whole[:-1]), Reply(200, whole))
    assert len(endpoints.campaign_days(client, ad_account_id=5, **FEBRUARY).records) == 3
    assert client.calls_made == 3


def test_creative_days(client, script):
    script.answer(as_json({"elements": [day_row("urn:li:sponsoredCreative:7"), day_row("urn:li:sponsoredCampaign:7")]}))
    page = endpoints.creative_days(client, ad_account_id=5, campaign_ids=[8], **FEBRUARY)
    assert [(row.creative_urn, row.day) for row in page.records] == [("urn:li:sponsoredCreative:7", date(2026, 2, 3))]
    assert page.rejected[0].identity == "urn:li:sponsoredCampaign:7"
    assert "pivot=CREATIVE&" in targets(script)[0]


def test_account_days_takes_only_the_ad_account_asked_for(client, script):
    script.answer(as_json({"elements": [day_row("urn:li:sponsoredAccount:5"), day_row("urn:li:sponsoredAccount:6")]}))
    page = endpoints.account_days(client, ad_account_id=5, **FEBRUARY)
    assert [row.ad_account_id for row in page.records] == [5]
    assert "pivotValues" in page.rejected[0].reason
    assert "pivot=ACCOUNT&" in targets(script)[0]


@pytest.mark.parametrize("pivot", endpoints.DEMOGRAPHIC_PIVOTS.values())
def test_demographic_months(client, script, pivot):
    script.answer(Reply(200, sample("ad_analytics_member_job_title_all")))
    page = endpoints.demographic_months(
        client, ad_account_id=5, pivot=pivot, first_day=date(2026, 9, 1), last_day=date(2026, 10, 31)
    )
    assert [row.segment for row in page.records] == ["urn:li:title:68", "urn:li:title:9"]
    assert f"pivot={pivot}&timeGranularity=MONTHLY&" in targets(script)[0]


def test_no_analytics_call_asks_for_more_than_twenty_fields(client, script):
    script.answer(Reply(200, sample("ad_analytics_empty")))
    endpoints.creative_days(client, ad_account_id=5, **FEBRUARY)
    endpoints.demographic_months(client, ad_account_id=5, pivot="MEMBER_COMPANY", **FEBRUARY)
    for target in targets(script):
        fields = target.split("fields=")[1].split(",")
        assert len(fields) <= 20
        assert {"dateRange", "pivotValues"} <= set(fields)


def test_entity_names(client, script):
    script.answer(Reply(200, sample("ad_targeting_entities_urns")))
    page = endpoints.entity_names(client, urns=["urn:li:seniority:9", "urn:li:organization:1035"])
    assert {record.urn: record.name for record in page.records}["urn:li:seniority:9"] == "Partner"
    assert targets(script) == [
        "/rest/adTargetingEntities?q=urns&queryVersion=QUERY_USES_URNS"
        "&urns=List(urn%3Ali%3Aseniority%3A9,urn%3Ali%3Aorganization%3A1035)&locale=(language:en,country:US)"
    ]


@pytest.mark.parametrize("count", [0, 51])
def test_entity_names_refuses_too_many(client, count):
    with pytest.raises(ValueError, match="1 to 50"):
        endpoints.entity_names(client, urns=["urn:li:title:9"] * count)


def test_posts_leaves_out_what_the_member_may_not_read(client, script):
    script.answer(Reply(200, sample("posts_batch_get")))
    forbidden = "urn:li:share:7000000000000000000"
    readable = ["urn:li:share:7045020441609936898", "urn:li:ugcPost:6856810298419044352"]
    page = endpoints.posts(client, urns=[*readable, forbidden])
    assert [(post.dsc_name, post.commentary) for post in page.records] == [
        ("Directors - image A", "Plan next quarter with numbers you trust."),
        (None, "comment on Oct 20"),
    ]
    assert page.rejected == []
    assert targets(script) == [
        "/rest/posts?ids=List(urn%3Ali%3Ashare%3A7045020441609936898,"
        "urn%3Ali%3AugcPost%3A6856810298419044352,urn%3Ali%3Ashare%3A7000000000000000000)"
    ]


def test_posts_without_the_scope(client, script):
    script.answer(Reply(403, sample("error_403_access_denied")))
    with pytest.raises(errors.AccessDenied):
        endpoints.posts(client, urns=["urn:li:share:1"])


def test_posts_takes_one_call_full_at_most(client):
    with pytest.raises(ValueError, match="1 to 50"):
        endpoints.posts(client, urns=[f"urn:li:share:{n}" for n in range(51)])


def test_posts_of_an_unknown_shape(client, script):
    script.answer(as_json({"elements": []}))
    with pytest.raises(errors.UnexpectedResponse, match="no results"):
        endpoints.posts(client, urns=["urn:li:share:1"])
