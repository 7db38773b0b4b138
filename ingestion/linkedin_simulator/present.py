"""The world as it stands now: the seeded plans with every later change applied."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain

from .changes import Changes, Entity
from .clock import Clock
from .entities import Json, account_json, campaign_json, creative_json, group_json
from .world import (
    AccountPlan,
    CampaignPlan,
    CreativePlan,
    Habits,
    World,
    account_place,
    campaign_id_at,
    campaign_place,
    creative_place,
    group_place,
)

_REMEMBERED_ACCOUNTS = 24


class Present:
    """Reads the world; bodies given out are new dictionaries that the caller may change."""

    def __init__(self, world: World, changes: Changes, clock: Clock) -> None:
        self.world = world
        self.changes = changes
        self.clock = clock
        self._lock = threading.Lock()
        self._habits: OrderedDict[tuple[int, int], list[Habits]] = OrderedDict()

    # ad accounts

    def accounts(self) -> Iterator[AccountPlan]:
        """Give every ad account, by id."""
        return map(self.world.account, range(self.world.size.ad_accounts))

    def account(self, account_id: int) -> AccountPlan | None:
        """Give the ad account with an id."""
        index = account_place(account_id)
        return self.world.account(index) if 0 <= index < self.world.size.ad_accounts else None

    def account_body(self, plan: AccountPlan) -> Json:
        """Give an ad account's JSON."""
        entity: Entity = ("ad_account", plan.id)
        return self._edited(entity, account_json(plan, self._status(entity, "status", plan.status)))

    # campaign groups

    def group_bodies(self, account: AccountPlan) -> Iterator[Json]:
        """Give the account's campaign groups that are still there."""
        bodies = (self.group_body(account, index) for index in range(self.world.group_count()))
        return (body for body in bodies if body is not None)

    def group_body(self, account: AccountPlan, index: int) -> Json | None:
        """Give one campaign group, or None where it vanished."""
        entity: Entity = ("campaign_group", self.world.group_id(account.index, index))
        if entity in self.changes.vanished:
            return None
        seeded = "ARCHIVED" if index % 5 == 4 and not self.world.size.dense else "ACTIVE"
        return self._edited(entity, group_json(self.world, account, index, self._status(entity, "status", seeded)))

    def group(self, account: AccountPlan, group_id: int) -> Json | None:
        """Give the campaign group with an id, or None."""
        place, index = group_place(group_id)
        if place != account.index or index >= self.world.group_count():
            return None
        return self.group_body(account, index)

    # campaigns

    def campaigns(self, account: AccountPlan) -> Iterator[CampaignPlan]:
        """Give every campaign there ever was in an ad account."""
        seeded = self.world.size.campaigns_per_account
        born = self.changes.born_campaigns.get(account.index, [])
        return chain(
            (self.world.campaign(account, index) for index in range(seeded)),
            (self.world.campaign(account, seeded + place, born=day) for place, day in enumerate(born)),
        )

    def campaign(self, campaign_id: int) -> CampaignPlan | None:
        """Give the campaign with an id, vanished or not."""
        place, index = campaign_place(campaign_id)
        if not 0 <= place < self.world.size.ad_accounts:
            return None
        account, later = self.world.account(place), index - self.world.size.campaigns_per_account
        if later < 0:
            return self.world.campaign(account, index)
        born = self.changes.born_campaigns.get(place, [])
        return self.world.campaign(account, index, born=born[later]) if later < len(born) else None

    def campaign_status(self, plan: CampaignPlan) -> str:
        """Give a campaign's present status."""
        return self._status(("campaign", plan.id), "status", plan.status)

    def campaign_body(self, plan: CampaignPlan) -> Json:
        """Give a campaign's JSON, whether or not it is still listed."""
        return self._edited(("campaign", plan.id), campaign_json(plan, self.campaign_status(plan)))

    def is_listed(self, plan: CampaignPlan) -> bool:
        """Whether LinkedIn still returns the campaign."""
        return ("campaign", plan.id) not in self.changes.vanished

    # creatives

    def creatives(self, campaign: CampaignPlan) -> Iterator[CreativePlan]:
        """Give every creative there ever was in a campaign."""
        later = campaign.index >= self.world.size.campaigns_per_account
        day = campaign.first_day if later else None
        seeded = self.world.size.creatives_per_campaign
        born = self.changes.born_creatives.get(campaign.id, [])
        return chain(
            (self.world.creative(campaign, index, born=day) for index in range(seeded)),
            (self.world.creative(campaign, seeded + place, born=on) for place, on in enumerate(born)),
        )

    def account_creatives(self, account: AccountPlan) -> Iterator[CreativePlan]:
        """Give every creative there ever was in an ad account."""
        return chain.from_iterable(map(self.creatives, self.campaigns(account)))

    def creative(self, creative_id: int) -> CreativePlan | None:
        """Give the creative with an id, vanished or not."""
        place, campaign_index, index = creative_place(creative_id)
        if not 0 <= place < self.world.size.ad_accounts:
            return None
        campaign = self.campaign(campaign_id_at(place, campaign_index))
        if campaign is None:
            return None
        return next((found for found in self.creatives(campaign) if found.index == index), None)

    def creative_status(self, plan: CreativePlan) -> str:
        """Give a creative's present intended status."""
        return self._status(("creative", plan.id), "intendedStatus", plan.status)

    def creative_body(self, plan: CreativePlan) -> Json:
        """Give a creative's JSON, whether or not it is still listed."""
        body = creative_json(plan, self.creative_status(plan), self.campaign_status(plan.campaign))
        return self._edited(("creative", plan.id), body)

    def is_readable(self, plan: CreativePlan) -> bool:
        """Whether the creative still exists; its campaign takes it along."""
        return ("creative", plan.id) not in self.changes.vanished and self.is_listed(plan.campaign)

    def is_found(self, plan: CreativePlan) -> bool:
        """Whether the finder lists the creative: cancelled ones are hidden from it."""
        return self.is_readable(plan) and self.creative_status(plan) != "CANCELED"

    # figures

    def habits(self, account: AccountPlan) -> list[Habits]:
        """Give what the figures of all creatives of an ad account are drawn from, by creative id."""
        key = (account.index, self.changes.version)
        with self._lock:
            if key in self._habits:
                self._habits.move_to_end(key)
                return self._habits[key]
        made = sorted(self._habits_of(plan) for plan in self.account_creatives(account))
        with self._lock:
            self._habits[key] = made
            while len(self._habits) > _REMEMBERED_ACCOUNTS:
                self._habits.popitem(last=False)
        return made

    def _habits_of(self, plan: CreativePlan) -> Habits:
        stopped = self.changes.stopped
        if not stopped:
            return self.world.habits(plan)
        days = [stopped.get(("campaign", plan.campaign.id)), stopped.get(("creative", plan.id))]
        return self.world.habits(plan, last_day=min((day for day in days if day is not None), default=None))

    # access

    def role(self, member: int, account: AccountPlan) -> str | None:
        """Give a member's role on an ad account, or None where there is none or it was lost."""
        lost = self.changes.lost_roles
        if (account.id, None) in lost or (account.id, member) in lost:
            return None
        return self.world.member_role(member, account.index)

    def _status(self, entity: Entity, field: str, seeded: str) -> str:
        edited = self.changes.edited.get(entity)
        return str(edited[field]) if edited and field in edited else seeded

    def _edited(self, entity: Entity, body: Json) -> Json:
        edited = self.changes.edited.get(entity)
        if edited is None:
            return body
        body.update(edited)
        if "changeAuditStamps" in body:
            body["changeAuditStamps"]["lastModified"]["time"] = self.changes.edited_at[entity]
            if "version" in body:
                body["version"] = {"versionTag": str(int(body["version"]["versionTag"]) + 1)}
        else:
            body["lastModifiedAt"] = self.changes.edited_at[entity]
        return body
