"""Each fault does what it says, only where and as often as it was told."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from ingestion.linkedin_simulator import Simulator, received, rejections, simulated_session

from .conftest import ACCOUNT, ACCOUNTS_FACET, Caller, analytics_target, make_simulator

SEARCH = "/rest/adAccounts?q=search&pageSize=1"
CAMPAIGNS = f"/rest/adAccounts/{ACCOUNT}/adCampaigns?q=search&pageSize=100"
CREATIVES = f"/rest/adAccounts/{ACCOUNT}/creatives?q=criteria&pageSize=100"
NAMES = "/rest/adTargetingEntities?q=urns&queryVersion=QUERY_USES_URNS&urns=List({})"
POSTS = "/rest/posts?ids=List({})"
ANALYTICS = analytics_target("CAMPAIGN", "DAILY", "2026-11-01", "2026-11-21")


def statuses(caller: Caller, target: str, times: int) -> list[int]:
    return [0 if (answer := caller.answer(target)).reset else answer.status for _ in range(times)]


def test_flaky_fails_in_every_way_and_repeats_by_seed(caller: Caller):
    caller.simulator.switch_on("flaky", probability=0.5)
    first = statuses(caller, SEARCH, 60)
    again = Caller(make_simulator())
    again.simulator.switch_on("flaky", probability=0.5)
    assert set(first) == {200, 500, 503, 504, 0}
    assert first == statuses(again, SEARCH, 60)
    assert 15 < first.count(200) < 45


def test_flaky_500_is_html(caller: Caller):
    caller.simulator.switch_on("flaky", probability=1, kinds=["500"])
    answer = caller.answer(SEARCH)
    assert answer.status == 500
    assert answer.body.startswith(b"<!DOCTYPE html>")


def test_count_and_endpoint_limit_a_fault(caller: Caller):
    caller.simulator.switch_on("flaky", kinds=["503"], count=2, endpoint="adAnalytics")
    assert statuses(caller, SEARCH, 3) == [200, 200, 200]
    assert statuses(caller, ANALYTICS, 4) == [503, 503, 200, 200]


def test_throttle_minute(caller: Caller):
    caller.simulator.switch_on("throttle_minute", retry_after=7, count=1)
    answer = caller.answer(SEARCH)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert "MINUTE limit" in json.loads(answer.body)["message"]
    assert caller.answer(SEARCH).status == 200
    caller.simulator.switch_on("throttle_minute", seconds=35)
    assert "Retry-After" not in caller.answer(SEARCH).headers
    caller.simulator.clock.advance(seconds=35)
    assert caller.answer(SEARCH).status == 200


def test_throttle_day_ends_at_midnight_utc(caller: Caller):
    caller.simulator.switch_on("throttle_day")
    assert caller.error(SEARCH) == (
        429,
        {
            "status": 429,
            "serviceErrorCode": 101,
            "code": "TOO_MANY_REQUESTS",
            "message": "Resource level throttle APPLICATION_AND_MEMBER DAY limit "
            "for calls to this resource is reached.",
        },
    )
    caller.simulator.clock.set(datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC))
    assert caller.answer(SEARCH).status == 429
    caller.simulator.clock.advance(seconds=1)
    assert caller.answer(SEARCH).status == 200


def test_throttle_day_of_one_endpoint_leaves_the_others(caller: Caller):
    caller.simulator.switch_on("throttle_day", endpoint="adTargetingEntities")
    assert caller.answer(NAMES.format("urn%3Ali%3Aseniority%3A5")).status == 429
    assert caller.answer(SEARCH).status == caller.answer(ANALYTICS).status == 200
    caller.simulator.clock.set(datetime(2026, 11, 22, tzinfo=UTC))
    assert caller.answer(NAMES.format("urn%3Ali%3Aseniority%3A5")).status == 200


def test_data_limit(caller: Caller):
    caller.simulator.switch_on("data_limit", count=1)
    assert caller.answer(SEARCH).status == 200
    assert "45 million" in caller.error(ANALYTICS)[1]["message"]
    assert caller.answer(ANALYTICS).status == 200


@pytest.mark.parametrize("pivot", ["CAMPAIGN", "CREATIVE"])
def test_short_answers_give_the_first_rows_without_a_word(caller: Caller, pivot: str):
    target = analytics_target(pivot, "DAILY", "2026-11-01", "2026-11-21")
    whole = caller.get(target)
    caller.simulator.switch_on("short_answers", rows=20)
    caller.simulator.office.ledger.clear()
    cut = caller.get(target)
    assert len(whole["elements"]) > 20
    assert cut == {**whole, "elements": whole["elements"][:20]}
    assert received(caller.simulator) == {"adAnalytics": 20}


def test_short_answers_spare_what_is_short_and_totals(caller: Caller):
    targets = [
        analytics_target("ACCOUNT", "DAILY", "2026-10-01", "2026-11-21"),
        analytics_target("MEMBER_SENIORITY", "MONTHLY", "2026-10-01", "2026-11-21"),
        analytics_target("CAMPAIGN", "DAILY", "2026-11-20", "2026-11-20"),
    ]
    whole = [caller.get(target) for target in targets]
    number = caller.simulator.switch_on("short_answers", rows=len(whole[2]["elements"]), count=1)
    assert len(whole[0]["elements"]) > len(whole[2]["elements"])
    assert [caller.get(target) for target in targets] == whole
    assert [fault["strikes"] for fault in caller.simulator.faults.on() if fault["number"] == number] == [0]


def test_short_answers_cut_as_often_as_told_where_told(caller: Caller):
    caller.simulator.switch_on("short_answers", rows=5, count=2)
    caller.simulator.switch_on("short_answers", rows=1, endpoint="adCampaigns")
    counts = [len(caller.get(ANALYTICS)["elements"]) for _ in range(4)]
    assert counts[:2] == [5, 5]
    assert counts[2] == counts[3] > 5


def test_cut_body_announces_more_than_it_sends(caller: Caller):
    caller.simulator.switch_on("cut_body", count=1)
    answer = caller.answer(ANALYTICS)
    assert answer.cut_at is not None
    assert 0 < answer.cut_at < len(answer.body)
    assert caller.answer(ANALYTICS).cut_at is None


def test_slow_uses_the_sleep_it_was_given():
    naps: list[float] = []
    simulator = make_simulator()
    simulator._sleep = naps.append
    caller = Caller(simulator)
    simulator.switch_on("slow", seconds=2.5, count=1)
    assert statuses(caller, SEARCH, 2) == [200, 200]
    assert naps == [2.5]


def test_dead_and_expired_tokens(caller: Caller):
    caller.simulator.switch_on("dead_token", code=65602)
    assert caller.error(SEARCH)[1]["serviceErrorCode"] == 65602
    caller.simulator.switch_off("dead_token")
    caller.simulator.switch_on("expired_token")
    assert caller.error(SEARCH)[1]["code"] == "EXPIRED_ACCESS_TOKEN"
    assert Caller(caller.simulator).answer(SEARCH).status == 200
    assert caller.answer(SEARCH).status == 401


def test_sunset_version(caller: Caller):
    caller.simulator.switch_on("sunset_version", version="202607")
    assert caller.answer(SEARCH).status == 426
    assert caller.answer(SEARCH, LinkedIn_Version="202608").status == 200


def test_refused_account(caller: Caller):
    caller.simulator.switch_on("refused_account", ad_account=ACCOUNT)
    assert caller.answer(CAMPAIGNS).status == 403
    assert caller.get(ANALYTICS)["elements"] == []
    assert len(caller.get("/rest/adAccounts?q=search")["elements"]) == 3
    assert caller.answer(CAMPAIGNS.replace(str(ACCOUNT), str(ACCOUNT + 1))).status == 200


def test_lost_role(caller: Caller):
    caller.simulator.switch_on("lost_role", ad_account=ACCOUNT)
    assert caller.answer(CAMPAIGNS).status == 403
    assert caller.get(ANALYTICS)["elements"] == []
    assert ACCOUNT not in [each["id"] for each in caller.get("/rest/adAccounts?q=search")["elements"]]
    users = caller.get("/rest/adAccountUsers?q=authenticatedUser&count=500")["elements"]
    assert f"urn:li:sponsoredAccount:{ACCOUNT}" not in [each["account"] for each in users]


def test_posts_forbidden(caller: Caller):
    caller.simulator.switch_on("posts_forbidden")
    status, body = caller.error("/rest/posts?ids=List(urn%3Ali%3Ashare%3A1)")
    assert (status, body["message"]) == (
        403,
        "Not enough permissions to access: partnerApiPostsExternal.BATCH_GET.20260701",
    )


@pytest.mark.parametrize(
    ("target", "urn"),
    [
        (NAMES, "urn:li:seniority:5"),
        (POSTS, "urn:li:share:1"),
    ],
)
def test_a_refused_urn_makes_its_whole_batch_refused(caller: Caller, target: str, urn: str):
    encoded, other = urn.replace(":", "%3A"), urn[:-1].replace(":", "%3A") + "7"
    caller.simulator.switch_on("refused_urn", urn=urn)
    for asked in (encoded, f"{other},{encoded}"):
        status, body = caller.error(target.format(asked))
        assert (status, urn in json.dumps(body)) == (400, True)
    assert caller.answer(target.format(other)).status == 200
    caller.simulator.switch_off()
    caller.simulator.switch_on("refused_urn", urn=urn, status=403, count=1)
    status, body = caller.error(target.format(f"{other},{encoded}"))
    assert (status, body["code"]) == (403, "NO_PERMISSION_ON_ENTITY")
    assert caller.answer(target.format(encoded)).status == 200


def test_without_a_urn_every_one_is_refused_as_often_as_told(caller: Caller):
    caller.simulator.switch_on("refused_urn", endpoint="posts", count=1)
    assert caller.answer(NAMES.format("urn%3Ali%3Aseniority%3A5")).status == 200
    assert statuses(caller, POSTS.format("urn%3Ali%3Ashare%3A1"), 2) == [400, 200]
    with pytest.raises(ValueError, match="400 or 403"):
        caller.simulator.switch_on("refused_urn", status=404)


def test_a_refused_pivot_leaves_the_others(caller: Caller):
    refused, other = (
        analytics_target(pivot, "MONTHLY", "2026-11-01", "2026-11-20", fields="impressions,pivotValues,dateRange")
        for pivot in ("MEMBER_JOB_TITLE", "MEMBER_SENIORITY")
    )
    caller.simulator.switch_on("refused_pivot", pivot="MEMBER_JOB_TITLE")
    assert caller.error(refused)[0] == 400
    assert caller.answer(other).status == 200


def test_wrong_totals_count_more_than_the_campaigns_had(caller: Caller):
    totals = analytics_target("ACCOUNT", "DAILY", "2026-11-01", "2026-11-20")
    right, of_campaigns = caller.get(totals), caller.get(ANALYTICS)
    [number] = [caller.simulator.switch_on("wrong_totals", by=3, ad_account=ACCOUNT)]
    assert [one["impressions"] for one in caller.get(totals)["elements"]] == [
        one["impressions"] + 3 for one in right["elements"]
    ]
    assert caller.get(ANALYTICS) == of_campaigns
    caller.simulator.switch_off(number=number)
    caller.simulator.switch_on("wrong_totals", day="2026-11-05")
    changed = [
        (wrong["dateRange"]["start"]["day"], wrong["impressions"] - one["impressions"])
        for wrong, one in zip(caller.get(totals)["elements"], right["elements"], strict=True)
        if wrong != one
    ]
    assert changed == [(5, 1)]
    caller.simulator.switch_off()
    caller.simulator.switch_on("wrong_totals", ad_account=ACCOUNT + 1)
    assert caller.get(totals) == right


def test_looping_page_token(caller: Caller):
    caller.simulator.switch_on("looping_page_token")
    target = CAMPAIGNS.replace("pageSize=100", "pageSize=3")
    token = caller.get(target)["metadata"]["nextPageToken"]
    assert caller.get(f"{target}&pageToken={token}")["metadata"]["nextPageToken"] == token


def without(elements: list[Any], broken: list[Any]) -> list[Any]:
    return [each for each in elements if each not in broken]


@pytest.mark.parametrize(
    ("target", "endpoint"),
    [(CAMPAIGNS, "adCampaigns"), (CREATIVES, "creatives"), (ANALYTICS, "adAnalytics"), (SEARCH, "adAccounts")],
)
def test_dirty_records_are_added_and_known(caller: Caller, target: str, endpoint: str):
    clean = caller.get(target)["elements"]
    caller.simulator.office.ledger.clear()
    caller.simulator.switch_on("dirty_records", share=0.3)
    dirty = caller.get(target)["elements"]
    known = [each["element"] for each in rejections(caller.simulator) if each["endpoint"] == endpoint]
    assert len(known) == max(1, round(len(clean) * 0.3))
    assert without(dirty, known) == clean
    assert received(caller.simulator) == {endpoint: len(dirty)}
    assert len(dirty) == len(clean) + len(known)
    caller.simulator.office.ledger.clear()
    assert caller.get(target)["elements"] == dirty
    assert received(caller.simulator)[endpoint] == len(dirty)


@pytest.mark.parametrize("target", [CAMPAIGNS, CREATIVES, SEARCH])
def test_dirty_fields_break_elements_in_their_place(caller: Caller, target: str):
    clean = caller.get(target)["elements"]
    caller.simulator.switch_on("dirty_fields", share=0.5)
    dirty = caller.get(target)["elements"]
    assert [one["id"] for one in dirty] == [one["id"] for one in clean]
    changed = [one for one, before in zip(dirty, clean, strict=True) if one != before]
    assert len(changed) == max(1, round(len(clean) * 0.5))
    assert not rejections(caller.simulator)
    assert caller.get(target)["elements"] == dirty
    caller.simulator.switch_off()
    assert caller.get(target)["elements"] == clean


def test_dirty_records_break_only_what_is_asked_for(caller: Caller):
    caller.simulator.switch_on("dirty_records", share=2.0)
    found = caller.get(f"{CAMPAIGNS}&fields=id,status")["elements"]
    broken = [each["element"] for each in rejections(caller.simulator)]
    assert found[12:] == broken
    assert all(not isinstance(each.get("id"), int) for each in broken)


def test_dirty_records_are_broken_in_varied_ways(caller: Caller):
    caller.simulator.switch_on("dirty_records", share=1.0)
    caller.get(ANALYTICS)
    broken = [each["element"] for each in rejections(caller.simulator)]
    values = [value for each in broken for value in each.values()]
    assert any("pivotValues" not in each for each in broken)
    assert -7 in values
    assert "many" in values
    assert 4_294_967_296 in values
    assert any(each.get("dateRange") and each["dateRange"]["start"]["day"] == 30 for each in broken)
    caller.get(CREATIVES)
    assert any(
        "campaign" not in each["element"] for each in rejections(caller.simulator) if each["endpoint"] == "creatives"
    )


def test_faults_combine_start_on_and_go_off():
    simulator = make_simulator(faults=["slow", {"name": "flaky", "kinds": ["504"], "probability": 1}])
    caller = Caller(simulator)
    assert caller.answer(SEARCH).status == 504
    assert [fault["name"] for fault in simulator.faults.on()] == ["slow", "flaky"]
    simulator.switch_off()
    assert caller.answer(SEARCH).status == 200


def test_unknown_faults_and_options_are_refused(simulator: Simulator):
    with pytest.raises(ValueError, match="unknown fault"):
        simulator.switch_on("gremlins")
    with pytest.raises(ValueError, match="unknown fault option"):
        simulator.switch_on("slow", speed=3)


def test_sign_in_is_spared_unless_named(caller: Caller):
    caller.simulator.switch_on("flaky", kinds=["503"], probability=1)
    assert caller.simulator.handle("GET", "/oauth/.well-known/openid-configuration", {}).status == 200
    caller.simulator.switch_on("flaky", kinds=["503"], probability=1, endpoint="openid")
    assert caller.simulator.handle("GET", "/oauth/.well-known/openid-configuration", {}).status == 503


def test_session_meets_resets_and_cut_bodies_as_requests_exceptions(caller: Caller):
    with simulated_session(caller.simulator) as session:
        session.headers.update(caller.headers)
        url = f"https://api.linkedin.com{ANALYTICS}"
        assert session.get(url).json()["elements"]
        caller.simulator.switch_on("flaky", kinds=["reset"], count=1)
        with pytest.raises(requests.ConnectionError):
            session.get(url)
        caller.simulator.switch_on("cut_body", count=1)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            session.get(url)
        facet = ACCOUNTS_FACET.replace("List(", "List%28")
        assert session.get(url.replace(ACCOUNTS_FACET, facet)).status_code == 400
