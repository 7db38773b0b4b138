"""LinkedIn's endpoints, one function each, giving pages of records; no dict of LinkedIn's passes them.

Every function raises LinkedInError. Source: LinkedIn Marketing, "Ad Accounts", "Ad Account Users",
"Campaigns", "Creatives", "Reporting", "Ad Targeting" and "Posts API", 202602.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from types import MappingProxyType
from typing import Final, TypeVar

from ingestion import catalogue
from ingestion.linkedin import restli
from ingestion.linkedin.checks import DayCheck, MonthCheck
from ingestion.linkedin.client import LinkedInClient
from ingestion.linkedin.errors import BadRequest, Unavailable
from ingestion.linkedin.pages import Listing, Page, PageReader, Rejected, pages_of
from ingestion.linkedin.paging import cursor_pages, offset_pages
from ingestion.linkedin.records import (
    AccountDayRecord,
    AdAccountRecord,
    AdAccountUserRecord,
    CampaignDayRecord,
    CampaignRecord,
    CreativeDayRecord,
    CreativeRecord,
    DayRecord,
    DemographicMonthRecord,
    NameRecord,
    PostRecord,
)

__all__ = [
    "ANALYTICS_ROW_LIMIT", "CAMPAIGNS_PER_CALL", "CREATIVES_PER_CALL", "DAY_FIELDS", "DEMOGRAPHIC_PIVOTS",
    "NAMES_PER_CALL", "POSTS_PER_CALL", "Page", "Rejected", "account_days", "ad_account", "ad_account_users",
    "ad_accounts", "campaign_days", "campaigns", "creative_days", "creatives", "demographic_months", "entity_names",
    "posts",
]  # fmt: skip

logger = logging.getLogger(__name__)

# LinkedIn cuts an answer here without a word: as many rows, or more, mean that some may be missing.
ANALYTICS_ROW_LIMIT: Final = 15_000
CAMPAIGNS_PER_CALL: Final = 1_000
CREATIVES_PER_CALL: Final = 100
NAMES_PER_CALL: Final = 50
POSTS_PER_CALL: Final = 50
DEMOGRAPHIC_PIVOTS: Final = MappingProxyType(
    {
        "job_title": "MEMBER_JOB_TITLE",
        "job_function": "MEMBER_JOB_FUNCTION",
        "seniority": "MEMBER_SENIORITY",
        "industry": "MEMBER_INDUSTRY",
        "company_size": "MEMBER_COMPANY_SIZE",
        "company": "MEMBER_COMPANY",
        "country": "MEMBER_COUNTRY_V2",
        "region": "MEMBER_REGION_V2",
    }
)

# At most 20 fields, the two keys included: without the keys rows cannot be distinguished.
_KEYS: Final = ("dateRange", "pivotValues")
DAY_FIELDS: Final = (*_KEYS, *(metric.field for metric in catalogue.DAILY))
_MONTH_FIELDS: Final = (*_KEYS, *(metric.field for metric in catalogue.DEMOGRAPHIC))

_ANALYTICS: Final = "/rest/adAnalytics"
_AD_ACCOUNTS_PAGE: Final = 1_000
_SMALL_CREATIVES_PAGE: Final = 25
_USERS_PAGE: Final = 500
_TRIES_OF_A_HEAVY_PAGE: Final = 6

_AD_ACCOUNTS: Final = PageReader(AdAccountRecord, drops_fields=True)
_AD_ACCOUNT_USERS: Final = PageReader(AdAccountUserRecord)
_CAMPAIGNS: Final = PageReader(CampaignRecord, drops_fields=True)
_CREATIVES: Final = PageReader(CreativeRecord, drops_fields=True)
_CAMPAIGN_DAYS: Final = PageReader(CampaignDayRecord)
_CREATIVE_DAYS: Final = PageReader(CreativeDayRecord)
_ACCOUNT_DAYS: Final = PageReader(AccountDayRecord)
_DEMOGRAPHIC_MONTHS: Final = PageReader(DemographicMonthRecord)
_NAMES: Final = PageReader(NameRecord)
_POSTS: Final = PageReader(PostRecord, drops_fields=True)

R = TypeVar("R")
D = TypeVar("D", bound=DayRecord)


def ad_account(client: LinkedInClient, *, ad_account_id: int) -> Page[AdAccountRecord]:
    """The one ad account."""
    path = f"/rest/adAccounts/{ad_account_id}"
    return client.read(path, parse=lambda body: _AD_ACCOUNTS.single(body, endpoint=path))


def ad_accounts(client: LinkedInClient) -> Iterator[Page[AdAccountRecord]]:
    """Every ad account the member has a role on, of any status; no search criteria means all of them."""
    return _by_cursor(client, "/rest/adAccounts", _AD_ACCOUNTS, size=_AD_ACCOUNTS_PAGE)


def ad_account_users(client: LinkedInClient) -> Iterator[Page[AdAccountUserRecord]]:
    """The member's role on each ad account."""
    path = "/rest/adAccountUsers"

    def fetch(start: int) -> Listing[AdAccountUserRecord]:
        query = restli.query(q="authenticatedUser", start=start, count=_USERS_PAGE)
        return client.read(path, query, parse=_listing_of(_AD_ACCOUNT_USERS, path))

    return pages_of(offset_pages(fetch, count=_USERS_PAGE, endpoint=path))


def campaigns(client: LinkedInClient, *, ad_account_id: int) -> Iterator[Page[CampaignRecord]]:
    """Every campaign of every status, archived and removed too."""
    path = f"/rest/adAccounts/{ad_account_id}/adCampaigns"
    return _by_cursor(client, path, _CAMPAIGNS, size=CAMPAIGNS_PER_CALL)


def creatives(client: LinkedInClient, *, ad_account_id: int) -> Iterator[Page[CreativeRecord]]:
    """Every creative of the ad account that the finder shows; cancelled ones it hides.

    LinkedIn answers some heavy pages with 500 for ever: such a page and those after it are requested smaller.
    """
    path = f"/rest/adAccounts/{ad_account_id}/creatives"
    size = CREATIVES_PER_CALL

    def ask(token: str | None, max_server_errors: int | None) -> Listing[CreativeRecord]:
        return client.read(
            path,
            restli.query(q="criteria", pageSize=size, pageToken=token),
            parse=_listing_of(_CREATIVES, path),
            headers={"X-RestLi-Method": "FINDER"},
            max_server_errors=max_server_errors,
        )

    def fetch(token: str | None) -> Listing[CreativeRecord]:
        nonlocal size
        if size == _SMALL_CREATIVES_PAGE:
            return ask(token, None)
        try:
            return ask(token, _TRIES_OF_A_HEAVY_PAGE)
        except Unavailable as error:
            if not error.status or error.status < 500:
                raise
            heavy = error
        size = _SMALL_CREATIVES_PAGE
        logger.info("%s: asking for smaller pages", path)
        try:
            return ask(token, None)
        except BadRequest:
            raise heavy from None

    return pages_of(cursor_pages(fetch, endpoint=path))


def campaign_days(
    client: LinkedInClient,
    *,
    ad_account_id: int,
    first_day: date,
    last_day: date,
    campaign_ids: Sequence[int] | None = None,
) -> Page[CampaignDayRecord]:
    """One row per campaign and UTC day with activity; cut silently at ANALYTICS_ROW_LIMIT rows."""
    query = _daily("CAMPAIGN", ad_account_id, first_day, last_day, campaign_ids)
    return _days(client, query, _CAMPAIGN_DAYS, DayCheck(first_day, last_day))


def creative_days(
    client: LinkedInClient,
    *,
    ad_account_id: int,
    first_day: date,
    last_day: date,
    campaign_ids: Sequence[int] | None = None,
) -> Page[CreativeDayRecord]:
    """One row per creative and UTC day with activity; cut silently at ANALYTICS_ROW_LIMIT rows."""
    query = _daily("CREATIVE", ad_account_id, first_day, last_day, campaign_ids)
    return _days(client, query, _CREATIVE_DAYS, DayCheck(first_day, last_day))


def account_days(
    client: LinkedInClient, *, ad_account_id: int, first_day: date, last_day: date
) -> Page[AccountDayRecord]:
    """LinkedIn's own total of the ad account, one row per UTC day with activity."""
    query = _daily("ACCOUNT", ad_account_id, first_day, last_day, None)
    check = DayCheck(first_day, last_day, only_pivot=restli.urn("sponsoredAccount", ad_account_id))
    return _days(client, query, _ACCOUNT_DAYS, check)


def demographic_months(
    client: LinkedInClient, *, ad_account_id: int, pivot: str, first_day: date, last_day: date
) -> Page[DemographicMonthRecord]:
    """One row per segment and calendar month; `pivot` is a value of DEMOGRAPHIC_PIVOTS.

    LinkedIn keeps two years, shows the top 100 values of each creative and day and withholds those under 3 events;
    cut silently at ANALYTICS_ROW_LIMIT rows.
    """
    query = _analytics(pivot, "MONTHLY", ad_account_id, first_day, last_day, None, _MONTH_FIELDS)
    check = MonthCheck(first_day, last_day)
    return client.read(
        _ANALYTICS, query, parse=lambda body: _DEMOGRAPHIC_MONTHS.listing(
            body, endpoint=f"{_ANALYTICS} {pivot}", wrong_with=check
        ).page,
    )  # fmt: skip


def entity_names(client: LinkedInClient, *, urns: Sequence[str]) -> Page[NameRecord]:
    """English names of titles, functions, organizations …; URNs LinkedIn does not know are left out.

    Raises ValueError for more than NAMES_PER_CALL URNs.
    """
    if not 0 < len(urns) <= NAMES_PER_CALL:
        raise ValueError(f"give 1 to {NAMES_PER_CALL} URNs, not {len(urns)}")
    path = "/rest/adTargetingEntities"
    query = restli.query(
        q="urns",
        queryVersion="QUERY_USES_URNS",
        urns=urns,
        locale={"language": "en", "country": "US"},
    )
    return client.read(path, query, parse=lambda body: _NAMES.listing(body, endpoint=path).page)


def posts(client: LinkedInClient, *, urns: Sequence[str]) -> Page[PostRecord]:
    """The posts (share or ugcPost URNs) behind creatives; those the member may not read are left out.

    Any other kind of URN makes LinkedIn refuse the whole call. Raises AccessDenied when the consent does not
    cover posts at all, ValueError for more than POSTS_PER_CALL URNs.
    """
    if not 0 < len(urns) <= POSTS_PER_CALL:
        raise ValueError(f"give 1 to {POSTS_PER_CALL} URNs, not {len(urns)}")
    path = "/rest/posts"
    return client.read(path, restli.query(ids=urns), parse=lambda body: _POSTS.batch(body, endpoint=path))


def _daily(pivot: str, ad_account_id: int, first_day: date, last_day: date, campaign_ids: Sequence[int] | None) -> str:
    return _analytics(pivot, "DAILY", ad_account_id, first_day, last_day, campaign_ids, DAY_FIELDS)


def _analytics(
    pivot: str,
    granularity: str,
    ad_account_id: int,
    first_day: date,
    last_day: date,
    campaign_ids: Sequence[int] | None,
    fields: Sequence[str],
) -> str:
    if campaign_ids is not None and not campaign_ids:
        # LinkedIn would read an empty list as no filter, and answer for the whole ad account.
        raise ValueError("campaign_ids is empty; give None for all campaigns")
    return restli.query(
        q="analytics",
        pivot=pivot,
        timeGranularity=granularity,
        dateRange=restli.date_range(first_day, last_day),
        accounts=[restli.urn("sponsoredAccount", ad_account_id)],
        campaigns=campaign_ids and [restli.urn("sponsoredCampaign", number) for number in campaign_ids],
        fields=fields,
    )


def _days(client: LinkedInClient, query: str, reader: PageReader[D], check: DayCheck) -> Page[D]:
    return client.read(
        _ANALYTICS,
        query,
        parse=lambda body: reader.listing(body, endpoint=_ANALYTICS, wrong_with=check).page,
    )


def _by_cursor(client: LinkedInClient, path: str, reader: PageReader[R], *, size: int) -> Iterator[Page[R]]:
    """A walk over a search without criteria; the requests of its pages differ in the token only."""

    def fetch(token: str | None) -> Listing[R]:
        query = restli.query(q="search", pageSize=size, pageToken=token)
        return client.read(path, query, parse=_listing_of(reader, path))

    return pages_of(cursor_pages(fetch, endpoint=path))


def _listing_of(reader: PageReader[R], path: str) -> Callable[[bytes], Listing[R]]:
    return lambda body: reader.listing(body, endpoint=path)
