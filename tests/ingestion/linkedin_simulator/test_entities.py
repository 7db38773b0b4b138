"""Ad accounts, users, groups, campaigns, creatives, posts and names: shapes, searches, pages."""

from typing import Any
from urllib.parse import quote

import pytest

from ingestion.linkedin_simulator import Simulator, WorldSize

from .conftest import ACCOUNT, Caller, make_simulator

CAMPAIGNS = f"/rest/adAccounts/{ACCOUNT}/adCampaigns"
CREATIVES = f"/rest/adAccounts/{ACCOUNT}/creatives"


def walk(caller: Caller, target: str, limit: int = 200) -> list[Any]:
    """Follow the cursor; a short page is not the end."""
    elements: list[Any] = []
    token: str | None = ""
    for _ in range(limit):
        answer = caller.get(f"{target}&pageToken={quote(token)}" if token else target)
        elements += answer["elements"]
        token = (answer.get("metadata") or {}).get("nextPageToken")
        if not token:
            return elements
    raise AssertionError("the pages do not end")


def test_account_has_the_documented_shape(caller: Caller):
    account = caller.get(f"/rest/adAccounts/{ACCOUNT}")
    assert set(account) >= {
        "test", "changeAuditStamps", "currency", "id", "name", "servingStatuses", "status", "type", "version",
    }  # fmt: skip
    assert (account["id"], account["currency"], account["servingStatuses"]) == (ACCOUNT, "USD", ["RUNNABLE"])
    assert isinstance(account["changeAuditStamps"]["created"]["time"], int)
    assert isinstance(account["version"]["versionTag"], str)


def test_accounts_differ_in_currency(caller: Caller):
    found = caller.get("/rest/adAccounts?q=search&pageSize=1000")["elements"]
    assert [each["currency"] for each in found] == ["USD", "EUR", "GBP"]


def test_account_users(caller: Caller):
    roles = caller.get("/rest/adAccountUsers?q=authenticatedUser&start=0&count=500")
    assert len({each["role"] for each in roles["elements"]}) == 3
    assert roles["paging"] == {"start": 0, "count": 500, "links": [], "total": 3}
    assert set(roles["elements"][0]) == {"account", "changeAuditStamps", "role", "user", "version"}
    one = caller.get(f"/rest/adAccountUsers?q=accounts&accounts=List(urn%3Ali%3AsponsoredAccount%3A{ACCOUNT})")
    assert [each["role"] for each in one["elements"]] == ["ACCOUNT_BILLING_ADMIN", "VIEWER"]
    second = Caller(caller.simulator, member=2)
    alone = second.get(f"/rest/adAccountUsers?q=accounts&accounts=urn%3Ali%3AsponsoredAccount%3A{ACCOUNT}")
    assert [each["role"] for each in alone["elements"]] == ["VIEWER"]


def test_account_users_page_by_offset():
    caller = Caller(make_simulator(size=WorldSize(ad_accounts=25)))
    first = caller.get("/rest/adAccountUsers?q=authenticatedUser")
    rest = caller.get("/rest/adAccountUsers?q=authenticatedUser&start=10&count=500")
    assert len(first["elements"]) == 10
    assert len(rest["elements"]) == first["paging"]["total"] - 10 == 15


def test_campaigns_are_varied_and_complete(caller: Caller):
    found = caller.get(f"{CAMPAIGNS}?q=search&pageSize=1000")["elements"]
    assert len(found) == 12
    assert {"ACTIVE", "PAUSED", "COMPLETED", "ARCHIVED", "DRAFT", "CANCELED"} <= {each["status"] for each in found}
    assert {"WEBSITE_VISIT", "WEBSITE_VISITS"} <= {each.get("objectiveType") for each in found}
    assert any("objectiveType" not in each for each in found)
    assert any("dailyBudget" not in each for each in found)
    assert any("totalBudget" not in each for each in found)
    assert any(each["id"] > 2**31 for each in found)
    assert all(isinstance(each["unitCost"]["amount"], str) for each in found)
    assert [each["id"] for each in found] == sorted(each["id"] for each in found)


def test_campaign_single_batch_and_projection(caller: Caller):
    whole = caller.get(f"{CAMPAIGNS}/250000001")
    batch = caller.get(f"{CAMPAIGNS}?ids=List(250000001,999)")
    assert set(batch) == {"results", "statuses", "errors"}
    assert batch["results"] == {"250000001": whole}
    assert batch["errors"]["999"]["status"] == 404
    assert caller.get(f"{CAMPAIGNS}/250000001?fields=id,name,runSchedule:(start)") == {
        "id": 250000001,
        "name": whole["name"],
        "runSchedule": {"start": whole["runSchedule"]["start"]},
    }
    assert caller.error(f"{CAMPAIGNS}/999")[0] == 404


def test_groups(caller: Caller):
    path = f"/rest/adAccounts/{ACCOUNT}/adCampaignGroups"
    groups = caller.get(f"{path}?q=search&pageSize=100")["elements"]
    assert groups[0]["name"] == "Default Campaign Group"
    assert groups[0]["backfilled"] is True
    assert caller.get(f"{path}/{groups[1]['id']}") == groups[1]
    assert caller.get(f"{path}?ids=List({groups[1]['id']})")["results"] == {str(groups[1]["id"]): groups[1]}


def test_search_criteria_narrow_and_account_is_refused(caller: Caller):
    everything = caller.get(f"{CAMPAIGNS}?q=search&pageSize=100")["elements"]
    search = "search=(status:(values:List(PAUSED,ARCHIVED)),test:false)"
    found = caller.get(f"{CAMPAIGNS}?q=search&{search}&pageSize=100")["elements"]
    assert found == [each for each in everything if each["status"] in ("PAUSED", "ARCHIVED")]
    by_id = "search=(id:(values:List(urn%3Ali%3AsponsoredCampaign%3A250000001)))"
    assert [each["id"] for each in caller.get(f"{CAMPAIGNS}?q=search&{by_id}&pageSize=9")["elements"]] == [250000001]
    group = quote(everything[0]["campaignGroup"], safe="")
    in_group = caller.get(f"{CAMPAIGNS}?q=search&search=(campaignGroup:(values:List({group})))&pageSize=99")["elements"]
    assert in_group == [each for each in everything if each["campaignGroup"] == everything[0]["campaignGroup"]]
    status, body = caller.error(f"{CAMPAIGNS}?q=search&search=(account:(values:List(urn%3Ali%3Ax%3A1)))")
    error = body["errorDetails"]["inputErrors"][0]
    assert (status, error["code"], error["input"]["inputPath"]["fieldPath"]) == (400, "FIELD_INVALID", "search/account")


def test_bad_search_values_are_field_invalid(caller: Caller):
    for search in ("(status:(values:List(SLEEPING)))", "(id:(values:List(250000001)))", "(test:perhaps)"):
        status, body = caller.error(f"{CAMPAIGNS}?q=search&search={search}")
        assert (status, body["errorDetails"]["inputErrors"][0]["code"]) == (400, "FIELD_INVALID")


def test_creatives_hide_cancelled_ones_yet_serve_them_singly(caller: Caller):
    found = walk(caller, f"{CREATIVES}?q=criteria&pageSize=7")
    hidden = [
        plan
        for plan in caller.simulator.present.account_creatives(caller.simulator.world.account(0))
        if plan.status == "CANCELED"
    ]
    assert hidden
    assert not {plan.urn for plan in hidden} & {each["id"] for each in found}
    assert caller.get(f"{CREATIVES}/{quote(hidden[0].urn, safe='')}")["intendedStatus"] == "CANCELED"


def test_creatives_are_varied(caller: Caller):
    found = walk(caller, f"{CREATIVES}?q=criteria&pageSize=100")
    assert {"APPROVED", "REJECTED", "PENDING"} <= {each.get("review", {}).get("status") for each in found}
    drafts = [each for each in found if each["intendedStatus"] == "DRAFT"]
    assert drafts
    assert not any("content" in each or "review" in each for each in drafts)
    assert {True, False} == {"name" in each for each in found}
    assert {"reference", "textAd", "spotlight", "eventAd"} <= {key for each in found for key in each.get("content", {})}
    references = [each["content"]["reference"] for each in found if "reference" in each.get("content", {})]
    assert {"share", "ugcPost"} <= {urn.split(":")[2] for urn in references}
    assert all(("servingHoldReasons" in each) != each["isServing"] for each in found)


def test_creatives_narrowed_by_campaign(caller: Caller):
    found = caller.get(f"{CREATIVES}?q=criteria&campaigns=List(urn%3Ali%3AsponsoredCampaign%3A250000001)&pageSize=100")
    assert {each["campaign"] for each in found["elements"]} == {"urn:li:sponsoredCampaign:250000001"}


def test_page_sizes_over_the_maximum_are_refused(caller: Caller):
    assert caller.error(f"{CREATIVES}?q=criteria&pageSize=101")[0] == 400
    assert caller.error(f"{CAMPAIGNS}?q=search&pageSize=1001")[0] == 400


def test_without_any_paging_ten_rows_come(caller: Caller):
    assert len(caller.get(f"{CAMPAIGNS}?q=search")["elements"]) == 10


def test_over_a_thousand_unpaged_is_too_many():
    caller = Caller(make_simulator(size=WorldSize(campaigns_per_account=1001, creatives_per_campaign=0)))
    assert caller.error(f"{CAMPAIGNS}?q=search") == (
        400,
        {"message": "Request would return too many entities. ", "status": 400},
    )


def test_page_tokens_belong_to_their_query(caller: Caller):
    token = caller.get(f"{CAMPAIGNS}?q=search&pageSize=5")["metadata"]["nextPageToken"]
    assert len(caller.get(f"{CAMPAIGNS}?q=search&pageSize=7&pageToken={token}")["elements"]) == 7
    assert caller.error(f"{CAMPAIGNS}?q=search&sortOrder=DESCENDING&pageSize=5&pageToken={token}")[0] == 400
    assert caller.error(f"{CAMPAIGNS}?q=search&pageSize=5&pageToken=nonsense")[0] == 400


def test_paging_goes_on_where_it_was_when_things_vanish(caller: Caller):
    first = caller.get(f"{CAMPAIGNS}?q=search&pageSize=5")
    for each in first["elements"]:
        caller.simulator.change("vanish", campaign=each["id"])
    token = first["metadata"]["nextPageToken"]
    assert len(caller.get(f"{CAMPAIGNS}?q=search&pageSize=100&pageToken={token}")["elements"]) == 7


@pytest.mark.parametrize(("end", "metadata"), [("absent", None), ("empty", {}), ("null", {"nextPageToken": None})])
def test_last_page(end: str, metadata: object):
    caller = Caller(make_simulator(metadata_end=end))
    answer = caller.get(f"{CAMPAIGNS}?q=search&pageSize=100")
    assert answer.get("metadata") == metadata
    assert ("metadata" in answer) == (end != "absent")


def test_short_pages_lose_nothing():
    plain, short = Caller(make_simulator()), Caller(make_simulator(short_pages=True))
    sizes = [len(short.get(f"{CAMPAIGNS}?q=search&pageSize={size}")["elements"]) - size for size in range(2, 9)]
    assert set(sizes) <= {0, -1}
    for size in (2, 3, 5):
        target = f"{CREATIVES}?q=criteria&pageSize={size}"
        assert walk(plain, target) == walk(short, target)


def test_targeting_names_leave_unknown_urns_out(caller: Caller):
    urns = ["urn:li:seniority:9", "urn:li:title:1", "urn:li:title:99999999", "urn:li:geo:101000001"]
    joined = ",".join(quote(urn, safe="") for urn in urns)
    path = f"/rest/adTargetingEntities?q=urns&urns=List({joined})&locale=(language:en,country:US)"
    answer = caller.get(f"{path}&queryVersion=QUERY_USES_URNS")
    assert answer["elements"][0] == {
        "facetUrn": "urn:li:adTargetingFacet:seniorities",
        "name": "Partner",
        "urn": "urn:li:seniority:9",
    }
    assert "urn:li:title:99999999" not in {each["urn"] for each in answer["elements"]}
    assert answer["paging"] == {"count": 2147483647, "links": [], "start": 0}
    assert caller.get(path)["elements"][0]["value"] == {"string": "urn:li:seniority:9"}
    facet = quote("urn:li:adTargetingFacet:seniorities", safe="")
    listed = caller.get(f"/rest/adTargetingEntities?q=adTargetingFacet&queryVersion=QUERY_USES_URNS&facet={facet}")
    assert len(listed["elements"]) == 10


def test_posts(caller: Caller, simulator: Simulator):
    found = walk(caller, f"{CREATIVES}?q=criteria&pageSize=100")
    urns = [each["content"]["reference"] for each in found if "reference" in each.get("content", {})][:3]
    joined = ",".join(quote(urn, safe="") for urn in [*urns, "urn:li:share:1"])
    batch = caller.get(f"/rest/posts?ids=List({joined})")
    assert set(batch["results"]) == set(urns)
    assert batch["statuses"] == {**dict.fromkeys(urns, 200), "urn:li:share:1": 404}
    assert caller.get(f"/rest/posts/{quote(urns[0], safe='')}") == batch["results"][urns[0]]
    status, body = caller.error("/rest/posts/urn%3Ali%3AadInMailContent%3A5551234")
    assert (status, body["code"]) == (400, "UGC_VALIDATIONS_FAILED")
    ads_only = Caller(simulator, scopes=("r_ads", "r_ads_reporting"))
    assert ads_only.error(f"/rest/posts?ids=List({joined})")[0] == 403


def test_organizations(caller: Caller):
    answer = caller.get("/rest/organizationsLookup?ids=List(1001,64265083,5)")
    assert answer["results"]["1001"]["localizedName"] == "Northwind Analytics"
    assert answer["statuses"] == {"1001": 200, "64265083": 200, "5": 403}
    assert answer["errors"]["5"]["status"] == 403
