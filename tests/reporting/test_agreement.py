"""Whoever tells a figure tells the same one: pages, API, snapshots, BI views and LinkedIn itself, to the last unit.

One world of three currencies is synced over HTTP and asked the same question everywhere, currency by currency: by the
owner and by a viewer of one ad account, once more where a backup of it was restored into an empty installation, and
once in an installation of the first version that was upgraded.
What is expected is added up here from the simulator's truth, with ratios written out once more, so that no code of the
reports is in it.

Whatever tells figures joins by a line in `WHOLE` or one of the tables after it: a function that is given a browser
and answers with the figures under the names of `reporting/metrics.py`. Each tells what it tells of them.
"""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from django.db.models import Min
from django.test import Client
from pytest_django import DjangoDbBlocker

from accounts.models import AdAccount, User
from accounts.shell.linkedin_words import urn_name
from ingestion.catalogue import CATALOGUE, FIRST_METRICS, AskedFor
from ingestion.models import CoveredDays
from reporting.metrics import SEGMENT_COUNTS
from reporting.models import ReportingRole, Snapshot
from tests.conftest import signed_in
from tests.ingestion.simulated import DATA_TABLES, stored_rows
from tests.reporting.api.asking import every_row, get
from tests.reporting.operations.reading_role import made_role, read_as
from tests.reporting.two_installations import (
    FIRST_DAY,
    LAST_DAY,
    NOW,
    OWNER,
    VIEWER,
    Row,
    Synced,
    backed_up,
    restored,
    synced,
)
from tests.upgraded import upgraded

pytestmark = [pytest.mark.exhaustive, pytest.mark.slow]

# As many days as are asked for.
# 37 days, six weeks earlier.
BEFORE = (date(2026, 9, 2), date(2026, 10, 8))
DAYS = {"first_day": FIRST_DAY.isoformat(), "last_day": LAST_DAY.isoformat()}
# The same as filters of a list.
DATES = {"date_from": FIRST_DAY.isoformat(), "date_to": LAST_DAY.isoformat()}
MONTHS = (date(2026, 10, 1), date(2026, 11, 1))

SUMS = (
    "impressions",
    "clicks",
    "spend",
    "landing_page_clicks",
    "conversions",
    "leads",
    "likes",
    "comments",
    "shares",
    "follows",
    "opens",
    "sends",
    # Those that came later.
    *(one.column for one in CATALOGUE[FIRST_METRICS:] if one.is_additive and AskedFor.DAYS in one.asked_for),
)
SEGMENT = ("pivot_type", "segment")
SOCIAL = ("likes", "comments", "shares", "follows")
# Dividend, divisor, times, decimal places.
RATIOS: dict[str, tuple[tuple[str, ...], str, int, int]] = {
    "ctr_percent": (("clicks",), "impressions", 100, 6),
    "cpc": (("spend",), "clicks", 1, 10),
    "cpm": (("spend",), "impressions", 1000, 10),
    "cost_per_conversion": (("spend",), "conversions", 1, 10),
    "cost_per_lead": (("spend",), "leads", 1, 10),
    "conversion_rate_percent": (("conversions",), "clicks", 100, 6),
    "engagement_rate_percent": (("clicks", *SOCIAL), "impressions", 100, 6),
    "open_rate_percent": (("opens",), "sends", 100, 6),
}

Told = dict[Any, dict[str, Decimal | None]]


class World:
    """What this browser may see: the truth of these ad accounts, row by row."""

    def __init__(self, browser: Client, tables: dict[int, dict[str, list[Row]]]) -> None:
        self.browser = browser
        self.tables = tables
        self.currency = {pk: str(of["ad_accounts"][0]["currency"]) for pk, of in tables.items()}

    def rows(self, table: str) -> Iterator[Row]:
        """With the currency and the ad account of each."""
        for pk, tables in self.tables.items():
            for row in tables[table]:
                yield {**row, "account_id": pk, "currency": self.currency[pk]}

    def days(
        self, table: str = "campaign_daily_metrics", *, first_day: date = FIRST_DAY, last_day: date = LAST_DAY
    ) -> list[Row]:
        return [row for row in self.rows(table) if first_day <= row["date"] <= last_day]

    def segments(self) -> list[Row]:
        """Of the months; LinkedIn does not break every figure down."""
        rows = self.rows("audience_demographics")
        return [dict.fromkeys(SUMS, 0) | row for row in rows if row["date_start"] in MONTHS]

    def names(self, table: str, column: str) -> dict[Any, str]:
        return {row["id"]: row[column] or str(row["id"]) for row in self.rows(table)}


@pytest.fixture(scope="module")
def origin(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Synced]:
    with django_db_blocker.unblock(), synced(tmp_path_factory.mktemp("synced")) as found:
        yield found


@pytest.fixture(scope="module")
def of_the_first_version(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Synced]:
    """What it synced is the truth here: another test holds every row to what that version stored."""
    with django_db_blocker.unblock(), upgraded(tmp_path_factory.mktemp("upgraded")), made_role():
        ids = list(AdAccount.objects.order_by("pk").values_list("pk", flat=True))
        yield Synced({pk: {table: stored_rows(table, pk) for table in DATA_TABLES} for pk in ids}, ids[0])


@pytest.fixture(
    scope="module",
    params=["as synced", *(pytest.param(one, marks=pytest.mark.slow) for one in ("as restored", "as upgraded"))],
)
def installation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synced]:
    if request.param == "as upgraded":
        yield request.getfixturevalue("of_the_first_version")
        return
    origin = request.getfixturevalue("origin")
    folder = tmp_path_factory.mktemp("restored")
    with nullcontext("") if request.param == "as synced" else restored(backed_up(folder), folder):
        yield origin


@pytest.fixture(params=[OWNER, VIEWER])
def world(installation: Synced, db: None, request: Any) -> World:
    """What the owner may see, and what the viewer."""
    browser = signed_in(User.objects.get(email=request.param))
    if request.param == VIEWER:
        return World(browser, {installation.granted_id: installation.truth[installation.granted_id]})
    found = World(browser, installation.truth)
    assert set(found.currency.values()) == {"USD", "EUR", "GBP"}
    assert AdAccount.objects.filter(currency="USD").count() == 2
    return found


# --- What is expected ---


def figures(rows: Iterable[Row]) -> dict[str, Decimal | None]:
    """Sums, and ratios from them."""
    rows = list(rows)
    told: dict[str, Any] = {name: sum((Decimal(row[name] or 0) for row in rows), Decimal(0)) for name in SUMS}
    told["engagements"] = sum(told[name] for name in SOCIAL)
    return told | {name: ratio(told, *how) for name, how in RATIOS.items()}


def ratio(sums: dict[str, Any], parts: tuple[str, ...], divisor: str, times: int, places: int) -> Decimal | None:
    if not sums[divisor]:
        return None
    exact = Decimal(sum(sums[part] for part in parts)) * times / sums[divisor]
    return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def percent(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    if part is None or not whole:
        return None
    return (part * 100 / whole).quantize(Decimal("1e-6"), ROUND_HALF_UP)


def grouped(rows: Iterable[Row], *by: str) -> Told:
    """Figures of the rows that share these columns."""
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in by) if len(by) > 1 else row[by[0]]].append(row)
    return {key: figures(of_key) for key, of_key in groups.items()}


# --- What is told ---


def section(browser: Client, name: str, **parameters: str) -> Any:
    asked = {"period": "custom", "compare": "none", **DAYS, **parameters}
    answer = browser.get(f"/report/sections/{name}/", asked)
    assert answer.status_code == 200, answer.content
    return answer.json()


def lines(browser: Client, name: str, **parameters: str) -> Iterator[Row]:
    """The rows of a section's tables as dictionaries, with the currency of their block."""
    for block in section(browser, name, **parameters)["blocks"]:
        names = [column["name"] for column in block["table"]["columns"]]
        for row in block["table"]["rows"]:
            yield dict(zip(names, row, strict=True)) | {"currency": block["currency"], "block": block["key"]}


def exact(row: Row) -> dict[str, Decimal | None]:
    """The figures of a row."""
    known = {*SUMS, *RATIOS, "engagements"}
    return {name: None if value is None else Decimal(value) for name, value in row.items() if name in known}


def report(browser: Client, **parameters: Any) -> Any:
    metrics = ",".join([*SUMS, "engagements", *RATIOS])
    return get(browser, "reports/performance", **(DAYS | {"metrics": metrics, **parameters}))


def added(rows: Iterable[Row], *by: str) -> Told:
    """Sums of rows that a list or a table holds; ratios are not added."""
    return {
        key: {name: of_key[name] for name in SUMS}
        for key, of_key in grouped((dict.fromkeys(SUMS, 0) | row for row in rows), *by).items()
    }


def key_figures(browser: Client) -> Told:
    """The tiles name their figures in words."""
    labels = {
        "Spend": "spend",
        "Impressions": "impressions",
        "Clicks": "clicks",
        "CTR": "ctr_percent",
        "CPC": "cpc",
        "CPM": "cpm",
        "Conversions": "conversions",
        "Cost per conversion": "cost_per_conversion",
        "Leads": "leads",
        "Cost per lead": "cost_per_lead",
        "Social engagements": "engagements",
        "Engagement rate": "engagement_rate_percent",
    }
    told: Told = defaultdict(dict)
    for row in lines(browser, "key-figures"):
        told[row["currency"]][labels[row["metric"]]] = None if row["now"] is None else Decimal(row["now"])
    assert all(len(of_currency) == len(labels) for of_currency in told.values())
    return told


def documents(browser: Client) -> Iterator[Row]:
    """The snapshots, downloaded, each with its currency."""
    for snapshot in every_row(browser, "snapshots"):
        answer: Any = browser.get(f"/api/v1/snapshots/{snapshot['id']}/document")
        account = _in_todays_words(json.loads(b"".join(answer.streaming_content)))["ad_account"]
        assert account["id"] == snapshot["ad_account_id"]
        yield account


# What documents of `schema_version` 1 call what later ones call otherwise; an upgrade does not rewrite them.
_IN_VERSION_1 = {
    "account": "ad_account",
    "ctr": "ctr_percent",
    "cpl": "cost_per_lead",
    "share_pct": "share_percent",
}


def _in_todays_words(document: Any) -> Any:
    """Of either version."""
    if isinstance(document, dict):
        return {_IN_VERSION_1.get(name, name): _in_todays_words(value) for name, value in document.items()}
    return [_in_todays_words(one) for one in document] if isinstance(document, list) else document


def summary(one: Row) -> Row:
    """Of an ad account, a campaign or a creative of a snapshot, under the names that everybody else uses."""
    return dict(one["metrics_summary"])


def of_documents(browser: Client, parts: Callable[[Row], Iterable[Row]]) -> Told:
    """Sums over these parts of every snapshot."""
    return added(
        ({"currency": account["currency"], **row} for account in documents(browser) for row in parts(account)),
        "currency",
    )


def creatives_of(account: Row) -> Iterator[Row]:
    for campaign in account["campaigns"]:
        yield from campaign["creatives"]


def of_file(browser: Client, path: str) -> Told:
    answer: Any = browser.get(f"/api/v1/{path}", DATES | {"format": "csv"})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return added(csv.DictReader(io.StringIO(text)), "currency")


def only(names: Iterable[str], told: Told) -> Told:
    """Of sums over a table those that the table holds."""
    wanted = set(names)
    return {key: {name: value for name, value in row.items() if name in wanted} for key, row in told.items()}


_OF_TREND = ("spend", "impressions", "clicks", "landing_page_clicks", "conversions", "leads")
_OF_SEGMENTS = (
    "impressions",
    "clicks",
    "conversions",
    "leads",
    *(one.column for one in CATALOGUE[FIRST_METRICS:] if one in SEGMENT_COUNTS),
)
_OF_CAMPAIGNS = ("spend", "impressions", "clicks", "conversions", "leads")

# Who tells the figures of everything, currency by currency.
WHOLE: dict[str, Callable[[Client], Told]] = {
    "key figures": key_figures,
    "days of the trend": lambda browser: only(_OF_TREND, added(lines(browser, "trend", by="day"), "currency")),
    "weeks of the trend": lambda browser: only(_OF_TREND, added(lines(browser, "trend", by="week"), "currency")),
    "months of the trend": lambda browser: only(_OF_TREND, added(lines(browser, "trend", by="month"), "currency")),
    "campaigns of the report": lambda browser: only(_OF_CAMPAIGNS, added(lines(browser, "campaigns"), "currency")),
    "creatives of the report": lambda browser: only(_OF_CAMPAIGNS, added(lines(browser, "creatives"), "currency")),
    "spend of the report": lambda browser: only(["spend"], added(lines(browser, "spend"), "currency")),
    "totals of the API": lambda browser: {one["currency"]: exact(one["figures"]) for one in report(browser)["totals"]},
    "campaign-metrics": lambda browser: added(
        every_row(browser, "campaign-metrics", **DATES, page_size=1000), "currency"
    ),
    "creative-metrics": lambda browser: added(
        every_row(browser, "creative-metrics", **DATES, page_size=1000), "currency"
    ),
    "campaign-metrics as a file": lambda browser: of_file(browser, "campaign-metrics"),
    "creative-metrics as a file": lambda browser: of_file(browser, "creative-metrics"),
    "snapshots": lambda browser: of_documents(browser, lambda account: [summary(account)]),
    "days of the snapshots": lambda browser: of_documents(browser, lambda account: account["daily_metrics"]),
    "campaigns of the snapshots": lambda browser: of_documents(
        browser, lambda account: map(summary, account["campaigns"])
    ),
    "days of campaigns of the snapshots": lambda browser: of_documents(
        browser, lambda account: (day for one in account["campaigns"] for day in one["daily_metrics"])
    ),
    "creatives of the snapshots": lambda browser: of_documents(
        browser, lambda account: map(summary, creatives_of(account))
    ),
    "days of creatives of the snapshots": lambda browser: of_documents(
        browser, lambda account: (day for one in creatives_of(account) for day in one["daily_metrics"])
    ),
    **{
        f"{group} of the API": lambda browser, group=group: added(  # type: ignore[misc]
            ({"currency": row["currency"], **row["figures"]} for row in report(browser, group_by=group)["rows"]),
            "currency",
        )
        for group in ("ad_account", "campaign", "creative", "day", "week", "month")
    },
}

# Who tells the figures of each ad account, by its id.
BY_AD_ACCOUNT: dict[str, Callable[[Client], Told]] = {
    "rows of the API": lambda browser: {
        int(row["key"]): exact(row["figures"]) for row in report(browser, group_by="ad_account")["rows"]
    },
    "snapshots": lambda browser: {account["id"]: exact(summary(account)) for account in documents(browser)},
}

# Who tells the figures of each campaign, by its name and currency.
BY_CAMPAIGN: dict[str, Callable[[Client], Told]] = {
    "campaigns of the report": lambda browser: {
        (row["campaign"], row["currency"]): exact(row) for row in lines(browser, "campaigns")
    },
    "spend of the report": lambda browser: {
        (row["campaign"], row["currency"]): exact(row) for row in lines(browser, "spend")
    },
    "rows of the API": lambda browser: {
        (row["label"], row["currency"]): exact(row["figures"]) for row in report(browser, group_by="campaign")["rows"]
    },
    "snapshots": lambda browser: {
        (one["name"], account["currency"]): exact(summary(one))
        for account in documents(browser)
        for one in account["campaigns"]
        if one["daily_metrics"]
    },
}

# Who tells the impressions, clicks, conversions and leads of each segment in the months, by pivot and segment.
BY_SEGMENT: dict[str, Callable[[Client], Told]] = {
    "demographics of the API": lambda browser: {
        (pivot["pivot_type"], one["segment"]): exact({name: one[name] for name in (*_OF_SEGMENTS, "ctr_percent")})
        for pivot in get(browser, "reports/demographics", **DAYS, top=1000)["pivots"]
        for one in pivot["segments"]
    },
    "demographics as a list": lambda browser: only(
        _OF_SEGMENTS,
        added(
            every_row(browser, "demographics", month_start_from=MONTHS[0], month_start_to=MONTHS[1], page_size=1000),
            *SEGMENT,
        ),
    ),
}


def assert_agree(who: str, told: Told, expected: Told) -> None:
    assert told.keys() == expected.keys(), who
    for key, told_figures in told.items():
        assert told_figures, (who, key)
        for name, value in told_figures.items():
            assert value == expected[key][name], (who, key, name)


def test_everybody_tells_the_same_figures(world: World) -> None:
    """Few enough campaigns and creatives that no section cuts its list."""
    rows, names = world.days(), world.names("campaigns", "name")
    expected = grouped(rows, "currency")
    for who, tell in WHOLE.items():
        assert_agree(who, tell(world.browser), expected)
    for who, tell in BY_AD_ACCOUNT.items():
        assert_agree(who, tell(world.browser), grouped(rows, "account_id"))
    # The spend section leaves out what cost nothing.
    campaigns = grouped(({**row, "campaign": names[row["campaign_id"]]} for row in rows), "campaign", "currency")
    assert all(of_campaign["spend"] for of_campaign in campaigns.values())
    for who, tell in BY_CAMPAIGN.items():
        assert_agree(who, without_rest(tell(world.browser)), campaigns)


def test_bi_tools_read_the_same_figures(installation: Synced, db: None) -> None:
    everything = World(Client(), installation.truth)
    for view in ("campaign_daily", "creative_daily", "account_daily"):
        told = added(bi_rows(view, f"date BETWEEN '{FIRST_DAY}' AND '{LAST_DAY}'"), "currency")
        assert_agree(view, told, grouped(everything.days(), "currency"))
    rows = bi_rows("demographics_monthly", f"month_start IN ('{MONTHS[0]}', '{MONTHS[1]}')")
    told = added(rows, "pivot_type", "segment_urn")
    assert_agree("segments", only(_OF_SEGMENTS, told), grouped(everything.segments(), *SEGMENT))


def bi_rows(view: str, where: str) -> list[Row]:
    [role] = ReportingRole.objects.all()
    return read_as(role.pk, f"SELECT * FROM reporting_{view} WHERE {where}")


def test_a_viewer_is_told_nothing_of_other_ad_accounts(installation: Synced, db: None) -> None:
    viewer = signed_in(User.objects.get(email=VIEWER))
    for pk in installation.truth.keys() - {installation.granted_id}:
        snapshot = Snapshot.objects.get(ad_account=pk)
        for address in (f"ad-accounts/{pk}", f"snapshots/{snapshot.pk}", f"snapshots/{snapshot.pk}/document"):
            assert viewer.get(f"/api/v1/{address}").status_code == 404, address


def without_rest(told: Told) -> Told:
    return {key: row for key, row in told.items() if not key[0].endswith(" others")}


def test_stretches_of_days_and_the_period_before(world: World) -> None:
    starts = {
        "day": lambda day: day,
        "week": lambda day: day.fromordinal(day.toordinal() - day.weekday()),
        "month": lambda day: day.replace(day=1),
    }
    for step, start in starts.items():
        rows = [{**row, "start": start(row["date"]).isoformat()} for row in world.days()]
        expected = grouped(rows, "start", "currency")
        told = {
            (row["key"], row["currency"]): exact(row["figures"]) for row in report(world.browser, group_by=step)["rows"]
        }
        # Days on which nothing happened are there, too.
        something = {key: figures for key, figures in told.items() if any(figures.values())}
        assert_agree(f"{step} of the API", something, expected)
        labels = {row["key"]: row["label"] for row in report(world.browser, group_by=step)["rows"]}
        trend = {(row["when"], row["currency"]): exact(row) for row in lines(world.browser, "trend", by=step)}
        something = {key: row for key, row in trend.items() if row["impressions"] or row["spend"]}
        assert_agree(
            f"{step} of the trend", something, {(labels[key], money): row for (key, money), row in expected.items()}
        )
    before = grouped(world.days(first_day=BEFORE[0], last_day=BEFORE[1]), "currency")
    now = grouped(world.days(), "currency")
    compared = report(world.browser, compare="previous")
    assert {one["currency"]: exact(one["before"]) for one in compared["totals"]} == before
    for one in compared["totals"]:
        money = one["currency"]
        for name, change in one["change_percent"].items():
            was, now_is = before[money][name], now[money][name]
            wanted = None if was is None or now_is is None else percent(now_is - was, was)
            assert (None if change is None else Decimal(change)) == wanted, (money, name)
    tiles = list(lines(world.browser, "key-figures", compare="previous"))
    told_before = {row["currency"]: Decimal(row["before"]) for row in tiles if row["metric"] == "Spend"}
    assert told_before == {money: row["spend"] for money, row in before.items()}
    changes = {one["currency"]: one["change_percent"]["spend"] for one in compared["totals"]}
    assert {row["currency"]: row["change"] for row in tiles if row["metric"] == "Spend"} == changes


def test_funnel_engagement_creatives_and_shares_of_spend(world: World) -> None:
    browser, rows, names = world.browser, world.days(), world.names("campaigns", "name")
    everything = figures(rows)
    steps = ("impressions", "clicks", "landing_page_clicks", "conversions", "leads")
    funnel = list(lines(browser, "funnel"))
    assert [Decimal(row["count"]) for row in funnel] == [everything[name] for name in steps]
    follows = ("impressions", "clicks", "clicks", "clicks")
    for row, name, previous in zip(funnel[1:], steps[1:], follows, strict=True):
        of_previous = None if row["of_previous"] is None else Decimal(row["of_previous"])
        is_part = everything[name] <= everything[previous]
        assert of_previous == (percent(everything[name], everything[previous]) if is_part else None)
        assert Decimal(row["of_first"]) == percent(everything[name], everything["impressions"])

    campaigns = grouped(rows, "campaign_id")
    engaged = sorted((row["engagements"] or Decimal(0) for row in campaigns.values()), reverse=True)[:5]
    told = {row["campaign"]: exact(row) for row in lines(browser, "engagement")}
    assert [row["engagements"] for row in told.values()] == engaged
    by_name = {names[pk]: row for pk, row in campaigns.items()}
    assert_agree("engagement", told, {name: by_name[name] for name in told})

    of_creatives = grouped(world.days("creative_daily_metrics"), "creative_id", "currency")
    api = {(row["key"], row["currency"]): exact(row["figures"]) for row in report(browser, group_by="creative")["rows"]}
    assert_agree("creatives of the API", api, of_creatives)
    shown = {exact(row)["spend"]: exact(row) for row in lines(browser, "creatives")}
    by_spend = {row["spend"]: row for row in of_creatives.values()}
    assert len(by_spend) == len(of_creatives)
    assert_agree("creatives", shown, by_spend)

    totals = grouped(rows, "currency")
    for row in lines(browser, "spend"):
        assert Decimal(row["share"]) == percent(Decimal(row["spend"]), totals[row["currency"]]["spend"])


def test_budgets_are_compared_with_spend(world: World) -> None:
    rows, stored = world.days(), world.days(first_day=date.min, last_day=date.max)
    names, campaigns = world.names("campaigns", "name"), {row["name"]: row for row in world.rows("campaigns")}
    told = list(lines(world.browser, "budgets"))
    assert {row["campaign"] for row in told} >= {names[row["campaign_id"]] for row in rows}
    found: dict[str, set[str]] = {}
    first_stored = CoveredDays.objects.aggregate(day=Min("first_day"))["day"]
    for row in told:
        one = campaigns[row["campaign"]]
        spent = [day for day in rows if day["campaign_id"] == one["id"]]
        in_all = sum((day["spend"] for day in stored if day["campaign_id"] == one["id"]), Decimal(0))
        days = sum(1 for day in spent if day["impressions"] or day["spend"])
        against: dict[str, tuple[Decimal, Decimal]] = {}
        if one["daily_budget"] and days:
            against["Daily"] = (sum((day["spend"] for day in spent), Decimal(0)), one["daily_budget"] * days)
        # What was spent before the first stored day is not known, so it is no share of a lifetime budget.
        if one["total_budget"] and (one["run_schedule_start_at"] or one["created_at"]).date() >= first_stored:
            against["Lifetime"] = (in_all, one["total_budget"])
        basis = str(row["basis"]).split()[0]
        found.setdefault(row["campaign"], set()).add(basis)
        wanted = against.get(basis)
        if wanted is None:
            assert row["budget"] is None
            assert not against
            continue
        assert found[row["campaign"]] <= against.keys()
        assert (Decimal(row["spent"]), Decimal(row["budget"])) == wanted, row
        assert Decimal(row["used"]) == percent(*wanted)
        assert Decimal(row["within"]) + Decimal(row["beyond"]) == wanted[0]
        assert Decimal(row["within"]) + Decimal(row["left"]) == wanted[1]
    # Campaigns of this world with a lifetime budget began before its first stored day.
    assert "Daily" in set().union(*found.values())


def test_audiences_with_their_shares_and_coverage(world: World) -> None:
    browser = world.browser
    segments = world.segments()
    expected = grouped(segments, *SEGMENT)
    for who, tell in BY_SEGMENT.items():
        assert_agree(who, tell(browser), expected)

    shown_months = world.days(first_day=MONTHS[0], last_day=NOW.date())
    of_all = sum((Decimal(row["impressions"]) for row in shown_months), Decimal(0))
    pivots = get(browser, "reports/demographics", **DAYS, top=1000)["pivots"]
    assert [date.fromisoformat(one) for one in get(browser, "reports/demographics", **DAYS)["months"]] == list(MONTHS)
    of_report = {block["key"]: block for block in section(browser, "demographics")["blocks"]}
    assert of_report.keys() == {pivot["pivot_type"] for pivot in pivots}
    for pivot in pivots:
        of_pivot = [row for row in segments if row["pivot_type"] == pivot["pivot_type"]]
        together = sum((Decimal(row["impressions"]) for row in of_pivot), Decimal(0))
        assert Decimal(pivot["impressions"]) == together
        coverage = percent(together, of_all)
        assert coverage is not None
        assert Decimal(pivot["coverage_percent"]) == coverage
        assert (f"{coverage:.0f} %" in of_report[pivot["pivot_type"]]["note"]) or coverage > Decimal("99.5")
        # What LinkedIn has no name for is called by what it is.
        names = {row["segment"]: row["segment_name"] or urn_name(row["segment"]) for row in of_pivot}
        if pivot["pivot_type"] != "company_size":
            assert {one["segment"]: one["segment_name"] for one in pivot["segments"]} == names
        for one in pivot["segments"]:
            assert Decimal(one["share_percent"]) == percent(Decimal(one["impressions"]), together)
            spent: dict[str, Decimal] = defaultdict(Decimal)
            for row in of_pivot:
                if row["segment"] == one["segment"]:
                    spent[row["currency"]] += row["spend"]
            assert {money["currency"]: Decimal(money["amount"]) for money in one["spend"]} == spent
        # The page shows ten and the rest as one, with the same shares: of every segment, not of the ten.
        table = [row for row in lines(browser, "demographics") if row["block"] == pivot["pivot_type"]]
        assert sum(Decimal(row["impressions"]) for row in table) == together
        shares = {one["segment_name"]: Decimal(one["share_percent"]) for one in pivot["segments"][:10]}
        assert {row["segment"]: Decimal(row["share"]) for row in table[:10]} == shares


def test_audiences_of_the_snapshots(world: World) -> None:
    """The segments seen most, and all others as one."""
    for account in documents(world.browser):
        told = account["demographics"]
        assert [date.fromisoformat(one) for one in told["months"]] == list(MONTHS)
        of_account = [row for row in world.segments() if row["account_id"] == account["id"]]
        expected = grouped(of_account, *SEGMENT)
        assert told["pivots"].keys() == {pivot for pivot, _ in expected}
        for pivot, of_pivot in told["pivots"].items():
            together = figures(row for row in of_account if row["pivot_type"] == pivot)
            shown = {one["segment"]: exact(one) for one in of_pivot["segments"]}
            assert_agree(pivot, shown, {segment: expected[pivot, segment] for segment in shown})
            for one in of_pivot["segments"]:
                assert Decimal(one["share_percent"]) == percent(Decimal(one["impressions"]), together["impressions"])
            everybody = [*of_pivot["segments"], *filter(None, [of_pivot["rest"]])]
            for name in (*_OF_SEGMENTS, "spend"):
                assert sum(Decimal(one[name]) for one in everybody) == together[name], (pivot, name)
