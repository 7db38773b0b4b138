"""The seeded world: which ad accounts, campaigns and creatives exist, and how each behaves.

Everything follows from (seed, kind, place), so nothing is stored and any part can be read first.
Independent of later changes, of HTTP, and of today's date.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from .chance import MASK, chance, short_name
from .names import COMPANIES, CURRENCIES, KINDS, MARKETS, PEOPLE, CampaignKind

CAMPAIGN_PLACES = 10_000
CREATIVE_PLACES = 200
NEVER_ENDS = 10_000_000
CENT_PER_THOUSAND = 10**15
CENT = 10**18
_FIRST_ACCOUNT = 500_000_001
_DEFAULT_GROUP, _GROUP = 600_000_001, 7_000_000_001
_CAMPAIGN, _LARGE_CAMPAIGN = 250_000_001, 2_415_000_000_001
_CREATIVE, _LARGE_CREATIVE = 290_000_001, 5_000_000_000_001
_CAMPAIGN_STATUSES = (
    "ACTIVE", "ACTIVE", "PAUSED", "ACTIVE", "COMPLETED", "ACTIVE", "ARCHIVED", "ACTIVE", "DRAFT", "ACTIVE",
    "CANCELED", "ACTIVE", "REMOVED", "ACTIVE", "PAUSED", "ACTIVE",
)  # fmt: skip
_CREATIVE_STATUSES = (
    "ACTIVE", "ACTIVE", "PAUSED", "ACTIVE", "ACTIVE", "ARCHIVED", "ACTIVE", "DRAFT", "ACTIVE", "ACTIVE",
    "CANCELED",
    "ACTIVE", "ACTIVE", "REMOVED", "ACTIVE", "ACTIVE",
)  # fmt: skip
_REVIEWS = ("APPROVED",) * 5 + ("REJECTED", "APPROVED", "APPROVED", "PENDING", "APPROVED", "NEEDS_REVIEW")


@dataclass(frozen=True, slots=True)
class WorldSize:
    """How large and how busy the world is; the defaults make a pleasant demo.

    `activity` is the chance that a creative has a row on a day; 1.0 gives exactly one row per creative and
    day from its creation on. `dense` makes every creative exist and run since `first_day` (two years before
    the clock's first day by default).
    """

    seed: int = 20261121
    ad_accounts: int = 3
    campaigns_per_account: int = 12
    creatives_per_campaign: int = 4
    first_day: date | None = None
    activity: float = 0.85
    segments_per_pivot: int = 12
    members: int = 2
    dense: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.campaigns_per_account <= CAMPAIGN_PLACES // 2:
            raise ValueError("campaigns_per_account must lie between 0 and 5000, LinkedIn's own limit")
        if not 0 <= self.creatives_per_campaign <= CREATIVE_PLACES // 2:
            raise ValueError("creatives_per_campaign must lie between 0 and 100, LinkedIn's own limit")


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """An ad account as it was seeded."""

    index: int
    id: int
    name: str
    currency: str
    status: str
    type: str
    is_test: bool
    organization: int
    created_day: int
    chance: int

    @property
    def urn(self) -> str:
        """The ad account's URN."""
        return f"urn:li:sponsoredAccount:{self.id}"


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """A campaign as it was seeded; days are ordinals, `last_day` the last one with figures."""

    account: AccountPlan
    index: int
    id: int
    group_id: int
    kind: CampaignKind
    status: str
    first_day: int
    last_day: int
    end_day: int | None
    daily_budget: int | None
    total_budget: int | None
    daily_spend: int
    chance: int

    @property
    def urn(self) -> str:
        """The campaign's URN."""
        return f"urn:li:sponsoredCampaign:{self.id}"


@dataclass(frozen=True, slots=True)
class CreativePlan:
    """A creative as it was seeded."""

    campaign: CampaignPlan
    index: int
    id: int
    status: str
    review: str | None
    first_day: int
    last_day: int
    chance: int

    @property
    def urn(self) -> str:
        """The creative's URN."""
        return f"urn:li:sponsoredCreative:{self.id}"


class Habits(NamedTuple):
    """What a creative's daily figures are drawn from; rates in parts per 65,536, money in 1e-20 units."""

    id: int
    campaign_id: int
    group_id: int
    account_id: int
    campaign_type: str
    key: int
    first_day: int
    last_day: int
    threshold: int
    impressions: int
    click_rate: int
    conversion_rate: int
    lead_rate: int
    video_rate: int
    like_rate: int
    is_message: bool
    per_impression: int
    per_click: int
    conversion_value: int


def creative_place(creative_id: int) -> tuple[int, int, int]:
    """Give ad account, campaign and creative index of a creative id; -1 where the id is not of this world."""
    base = _LARGE_CREATIVE if creative_id >= _LARGE_CREATIVE else _CREATIVE
    campaign, index = divmod(creative_id - base, CREATIVE_PLACES)
    odd = base == _LARGE_CREATIVE
    if campaign < 0 or index % 2 != odd:
        return -1, -1, -1
    return *divmod(campaign, CAMPAIGN_PLACES), index


def campaign_place(campaign_id: int) -> tuple[int, int]:
    """Give ad account and campaign index of a campaign id; -1 where the id is not of this world."""
    base = _LARGE_CAMPAIGN if campaign_id >= _LARGE_CAMPAIGN else _CAMPAIGN
    account, index = divmod(campaign_id - base, CAMPAIGN_PLACES)
    if account < 0 or (index % 3 == 2) != (base == _LARGE_CAMPAIGN):
        return -1, -1
    return account, index


def group_place(group_id: int) -> tuple[int, int]:
    """Give ad account and group index of a campaign group id; -1 where the id is not of this world."""
    if group_id >= _GROUP:
        account, index = divmod(group_id - _GROUP, CAMPAIGN_PLACES)
        return (account, index) if index else (-1, -1)
    return (group_id - _DEFAULT_GROUP, 0) if group_id >= _DEFAULT_GROUP else (-1, -1)


def account_place(account_id: int) -> int:
    """Give the index of an ad account id."""
    return account_id - _FIRST_ACCOUNT


def _creative_id(account: int, campaign: int, index: int) -> int:
    base = _LARGE_CREATIVE if index % 2 else _CREATIVE
    return base + (account * CAMPAIGN_PLACES + campaign) * CREATIVE_PLACES + index


def campaign_id_at(account: int, index: int) -> int:
    """Give the id of the campaign at a place; every third is past 32 bits."""
    base = _LARGE_CAMPAIGN if index % 3 == 2 else _CAMPAIGN
    return base + account * CAMPAIGN_PLACES + index


class World:
    """Answers what exists; `today` is the day it was founded, on which "still running" is decided."""

    def __init__(self, size: WorldSize, today: date) -> None:
        self.size = size
        self.founded = today.toordinal()
        self.first_day = (size.first_day or today - timedelta(days=730)).toordinal()
        self.always_on = size.dense or size.activity >= 1
        self._threshold = round(min(max(size.activity, 0.0), 1.0) * 65536)

    def account(self, index: int) -> AccountPlan:
        """Give the ad account at a place."""
        stirred = chance(self.size.seed, "account", index)
        name = f"{COMPANIES[index % len(COMPANIES)]} – {MARKETS[stirred % len(MARKETS)]}"
        if index >= len(COMPANIES):
            name += f" {index // len(COMPANIES) + 1}"
        return AccountPlan(
            index=index,
            id=_FIRST_ACCOUNT + index,
            name=name,
            currency=CURRENCIES[index % 3],
            status="ACTIVE" if index < 3 or stirred % 11 else ("CANCELED", "DRAFT")[index % 2],
            type="ENTERPRISE" if index % 5 == 4 else "BUSINESS",
            is_test=index % 10 == 9 and not self.size.dense,
            organization=64_265_083 + index,
            created_day=self.first_day - 30 - stirred % 900,
            chance=stirred,
        )

    def group_count(self) -> int:
        """Give how many campaign groups each ad account has, the default one included."""
        return 1 + -(-self.size.campaigns_per_account // 6)

    @staticmethod
    def group_id(account: int, index: int) -> int:
        """Give the id of a campaign group; index 0 is the account's default group."""
        return _GROUP + account * CAMPAIGN_PLACES + index if index else _DEFAULT_GROUP + account

    def campaign(self, account: AccountPlan, index: int, *, born: int | None = None) -> CampaignPlan:
        """Give the campaign at a place; `born` is the day of one that was created after the founding."""
        stirred = chance(self.size.seed, "campaign", account.index, index)
        kind = KINDS[(index + account.chance) % len(KINDS)]
        status = self._campaign_status(account, index, born)
        first = self._campaign_start(index, stirred) if born is None else born
        end = self._campaign_end(index, status, first, stirred)
        daily = 40 + stirred // 7 % 24 * 15
        by_total = index % 4 == 3 or status == "COMPLETED"
        days = max((end or self.founded) - first, 30)
        last = end - 1 if end is not None else self._last_day(status, first, stirred)
        return CampaignPlan(
            account=account,
            index=index,
            id=campaign_id_at(account.index, index),
            group_id=self.group_id(account.index, self._group_of(index)),
            kind=kind,
            status=status,
            first_day=first,
            last_day=NEVER_ENDS if self.always_on else last,
            end_day=end,
            daily_budget=None if by_total else daily,
            total_budget=daily * days if by_total or index % 5 == 0 else None,
            daily_spend=daily,
            chance=stirred,
        )

    def _group_of(self, index: int) -> int:
        return 0 if index % 7 == 6 else 1 + index // 6 % max(self.group_count() - 1, 1)

    def _campaign_status(self, account: AccountPlan, index: int, born: int | None) -> str:
        if self.size.dense or born is not None:
            return "ACTIVE"
        return _CAMPAIGN_STATUSES[(index + account.index * 5) % len(_CAMPAIGN_STATUSES)]

    def _campaign_start(self, index: int, stirred: int) -> int:
        if self.size.dense or index % 3 == 0:
            return self.first_day
        return self.first_day + stirred // 11 % max((self.founded - self.first_day) * 7 // 10, 1)

    def _last_day(self, status: str, first: int, stirred: int) -> int:
        if status == "ACTIVE":
            return NEVER_ENDS
        if status == "DRAFT":
            return first - 1
        return first + max(self.founded - first, 1) * (40 + stirred // 13 % 58) // 100

    def _campaign_end(self, index: int, status: str, first: int, stirred: int) -> int | None:
        if status == "COMPLETED":
            return self._last_day(status, first, stirred) + 1
        if status == "ACTIVE" and index % 4 == 1 and not self.size.dense:
            return self.founded + 4 + stirred // 17 % 120
        return None

    def creative(self, campaign: CampaignPlan, index: int, *, born: int | None = None) -> CreativePlan:
        """Give the creative at a place of a campaign."""
        stirred = chance(campaign.chance, "creative", index)
        status, review = "ACTIVE", "APPROVED"
        if not self.size.dense and born is None:
            status = _CREATIVE_STATUSES[(index * 5 + campaign.index * 3) % len(_CREATIVE_STATUSES)]
            review = _REVIEWS[(index * 2 + campaign.index * 7) % len(_REVIEWS)]
        first = campaign.first_day + (0 if self.size.dense else stirred % 12) if born is None else born
        last = self._creative_last_day(campaign, status, review, first, stirred)
        return CreativePlan(
            campaign=campaign,
            index=index,
            id=_creative_id(campaign.account.index, campaign.index, index),
            status=status,
            review=None if status == "DRAFT" else review,
            first_day=first,
            last_day=NEVER_ENDS if self.always_on else last,
            chance=stirred,
        )

    def _creative_last_day(self, plan: CampaignPlan, status: str, review: str, first: int, stirred: int) -> int:
        if status == "DRAFT" or review != "APPROVED":
            return first - 1
        return min(plan.last_day, self._last_day(status, first, stirred))

    def habits(self, creative: CreativePlan, *, last_day: int | None = None) -> Habits:
        """Give what the creative's figures are drawn from; `last_day` where a change stopped it."""
        campaign, stirred = creative.campaign, creative.chance
        kind = campaign.kind
        price = 0 if campaign.account.is_test else kind.price * (70 + campaign.chance // 19 % 70) // 100
        click_rate = max(kind.click_rate * (50 + stirred // 23 % 110) // 100, 1)
        by_click = kind.cost_type == "CPC"
        cost = kind.price * click_rate / 6_553_600 if by_click else kind.price / 100_000
        share = (50 + stirred // 29 % 100) / 100 / max(self.size.creatives_per_campaign, 1)
        spent = campaign.daily_spend * (50 + campaign.chance // 31 % 56) / 100
        converts = campaign.chance % 5 != 0
        return Habits(
            id=creative.id,
            campaign_id=campaign.id,
            group_id=campaign.group_id,
            account_id=campaign.account.id,
            campaign_type=kind.type,
            key=stirred & MASK,
            first_day=creative.first_day,
            last_day=creative.last_day if last_day is None else min(creative.last_day, last_day),
            threshold=self._threshold,
            impressions=max(int(spent * share / cost), 2),
            click_rate=click_rate,
            conversion_rate=kind.conversion_rate if converts else 0,
            lead_rate=kind.lead_rate if converts else 0,
            video_rate=kind.video_rate,
            like_rate=0 if kind.type in ("TEXT_AD", "SPONSORED_INMAILS") else 60 + stirred // 37 % 90,
            is_message=kind.is_message,
            per_impression=0 if by_click else price * CENT_PER_THOUSAND,
            per_click=price * CENT if by_click else 0,
            conversion_value=(20 + campaign.chance // 41 % 30 * 10) * 100 * CENT,
        )

    def member_role(self, member: int, account: int) -> str | None:
        """Give the role a member was seeded with; the first member has one on every ad account."""
        if member == 0:
            roles = (
                "ACCOUNT_BILLING_ADMIN",
                "ACCOUNT_MANAGER",
                "CAMPAIGN_MANAGER",
                "VIEWER",
                "CREATIVE_MANAGER",
            )
            return roles[account % len(roles)]
        return "VIEWER" if account % (member + 1) == 0 else None

    def person_id(self, member: int, client_id: str) -> str:
        """Give the member's id as one app sees it: LinkedIn's subjects are pairwise."""
        return short_name(chance(self.size.seed, "person", member, client_id))

    @staticmethod
    def person_name(member: int) -> tuple[str, str]:
        """Give a member's first and last name."""
        first, last = PEOPLE[member % len(PEOPLE)]
        return first, last if member < len(PEOPLE) else f"{last}-{member}"
