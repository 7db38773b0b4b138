"""Changes by name, as a test or the control page asks for them."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import get_args

from .changes import WHOLE_ACCOUNT, Entity, EntityKind
from .present import Present
from .world import account_place, campaign_place, creative_place

Wanted = Mapping[str, object]


def apply_change(present: Present, name: str, wanted: Wanted) -> dict[str, object]:
    """Let something happen to the world; raise ValueError where it cannot be understood."""
    if name not in OPERATIONS:
        raise ValueError(f"unknown change {name!r}; known are {', '.join(sorted(OPERATIONS))}")
    return OPERATIONS[name](present, wanted)


def _entity(wanted: Wanted) -> Entity:
    named = [kind for kind in get_args(EntityKind) if kind in wanted]
    if len(named) != 1:
        raise ValueError("name exactly one of ad_account, campaign_group, campaign, creative")
    return named[0], _number(wanted[named[0]])


def _number(value: object) -> int:
    return int(str(value).rpartition(":")[2])


def _days(wanted: Wanted) -> range:
    first, last = (date.fromisoformat(str(wanted[key])) for key in ("first_day", "last_day"))
    return range(first.toordinal(), last.toordinal() + 1)


def _now_ms(present: Present) -> int:
    return int(present.clock.seconds() * 1000)


def _today(present: Present) -> int:
    return present.clock.today().toordinal()


def _rename(present: Present, wanted: Wanted) -> dict[str, object]:
    present.changes.edit(_entity(wanted), {"name": str(wanted["name"])}, now_ms=_now_ms(present))
    return {}


def _edit(present: Present, wanted: Wanted) -> dict[str, object]:
    present.changes.edit(_entity(wanted), _fields(wanted), now_ms=_now_ms(present))
    return {}


def _fields(wanted: Wanted) -> dict[str, object]:
    fields = wanted["fields"]
    if not isinstance(fields, dict):
        raise ValueError("fields is an object of new values by LinkedIn's name")
    return dict(fields)


def _set_status(present: Present, wanted: Wanted) -> dict[str, object]:
    entity, status = _entity(wanted), str(wanted["status"])
    if entity[0] == "creative" and status == "CANCELED":
        _remember(present, entity)
    field = "intendedStatus" if entity[0] == "creative" else "status"
    present.changes.edit(entity, {field: status}, now_ms=_now_ms(present))
    if status == "ACTIVE":
        present.changes.run_again(entity)
    else:
        present.changes.stop(entity, _today(present))
    return {}


def _remember(present: Present, entity: Entity) -> None:
    kind, number = entity
    if kind == "campaign" and (campaign := present.campaign(number)):
        present.changes.remember(entity, present.campaign_body(campaign))
        for creative in present.creatives(campaign):
            _remember(present, ("creative", creative.id))
    if kind == "creative" and (plan := present.creative(number)) and present.is_found(plan):
        present.changes.remember(entity, present.creative_body(plan))


def _vanish(present: Present, wanted: Wanted) -> dict[str, object]:
    entity = _entity(wanted)
    if entity[0] == "ad_account":
        raise ValueError("an ad account cannot vanish; use lose_role or refuse_account")
    _remember(present, entity)
    present.changes.vanish(entity, _today(present))
    return {}


def _create_campaign(present: Present, wanted: Wanted) -> dict[str, object]:
    account = present.account(_number(wanted["ad_account"]))
    if account is None:
        raise ValueError("no such ad account")
    place = present.changes.bear_campaign(account.index, _today(present))
    index = present.world.size.campaigns_per_account + place
    campaign = present.world.campaign(account, index, born=_today(present))
    if "name" in wanted:
        present.changes.edit(("campaign", campaign.id), {"name": wanted["name"]}, now_ms=_now_ms(present))
    return {"campaign": campaign.id, "creatives": [plan.urn for plan in present.creatives(campaign)]}


def _create_creative(present: Present, wanted: Wanted) -> dict[str, object]:
    campaign = present.campaign(_number(wanted["campaign"]))
    if campaign is None:
        raise ValueError("no such campaign")
    present.changes.bear_creative(campaign.id, _today(present))
    return {"creative": list(present.creatives(campaign))[-1].urn}


def _restate(present: Present, wanted: Wanted) -> dict[str, object]:
    present.changes.restate(_number(wanted["ad_account"]), _days(wanted))
    return {}


def _erase(present: Present, wanted: Wanted) -> dict[str, object]:
    kind, number = _entity(wanted)
    if kind == "ad_account":
        account_index, creatives = account_place(number), [WHOLE_ACCOUNT]
    elif kind == "campaign" and (campaign := present.campaign(number)):
        account_index, creatives = (
            campaign_place(number)[0],
            [plan.id for plan in present.creatives(campaign)],
        )
    elif kind == "creative":
        account_index, creatives = creative_place(number)[0], [number]
    else:
        raise ValueError("erase days of an ad_account, a campaign or a creative that exists")
    present.changes.erase(present.world.account(account_index).id, creatives, _days(wanted))
    return {}


def _refusal(refused: bool) -> Callable[[Present, Wanted], dict[str, object]]:
    def change(present: Present, wanted: Wanted) -> dict[str, object]:
        accounts = present.changes.refused_accounts
        (accounts.add if refused else accounts.discard)(_number(wanted["ad_account"]))
        return {}

    return change


def _role_change(lost: bool) -> Callable[[Present, Wanted], dict[str, object]]:
    """Of one `member`, counted from 1, or of every one of them."""

    def change(present: Present, wanted: Wanted) -> dict[str, object]:
        roles = present.changes.lost_roles
        member = int(str(wanted["member"])) - 1 if "member" in wanted else None
        (roles.add if lost else roles.discard)((_number(wanted["ad_account"]), member))
        return {}

    return change


def _append_days(present: Present, wanted: Wanted) -> dict[str, object]:
    present.clock.advance(days=int(str(wanted.get("days", 1))))
    return {"now": present.clock.now().isoformat()}


OPERATIONS: dict[str, Callable[[Present, Wanted], dict[str, object]]] = {
    "rename": _rename,
    "edit": _edit,
    "set_status": _set_status,
    "vanish": _vanish,
    "create_campaign": _create_campaign,
    "create_creative": _create_creative,
    "restate": _restate,
    "erase": _erase,
    "refuse_account": _refusal(True),
    "allow_account": _refusal(False),
    "lose_role": _role_change(True),
    "regain_role": _role_change(False),
    "append_days": _append_days,
}
