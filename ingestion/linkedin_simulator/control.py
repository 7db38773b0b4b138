"""The simulator's own addresses under /simulator/, for tests and demos in other processes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from .answers import Request, Response, json_answer
from .entities import Json
from .faults import NAMES
from .operations import OPERATIONS

if TYPE_CHECKING:
    from .simulator import Simulator

Handler = Callable[["Simulator", Json], object]


def answer_control(simulator: Simulator, request: Request) -> Response:
    """Give the answer to a control address; what cannot be understood is a 400 that says why."""
    handler = _HANDLERS.get((request.method, request.path.rstrip("/")))
    if handler is None:
        known = sorted(f"{method} {path}" for method, path in _HANDLERS)
        return json_answer(404, {"message": "no such control address", "known": known})
    try:
        sent: Json = dict(parse_qsl(request.raw_query))
        if request.body:
            sent.update(json.loads(request.body))
        body = handler(simulator, sent)
    except (ValueError, KeyError, TypeError) as wrong:
        return json_answer(400, {"message": f"{type(wrong).__name__}: {wrong}"})
    return json_answer(200, json.dumps(body, default=_plain))


def _plain(value: object) -> str:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"cannot print {type(value).__name__}")


def _truth(simulator: Simulator, sent: Json) -> object:
    from .truth import truth

    today = simulator.clock.today()
    first = date.fromisoformat(str(sent["first_day"])) if "first_day" in sent else today - timedelta(days=89)
    last = date.fromisoformat(str(sent["last_day"])) if "last_day" in sent else today
    return truth(
        simulator,
        int(str(sent["ad_account"])),
        first,
        last,
        known_before=_yes(sent, "known_before", default=True),
        posts_readable=_yes(sent, "posts_readable", default=False),
    )


def _text(sent: Json, name: str) -> str | None:
    return None if sent.get(name) is None else str(sent[name])


def _yes(sent: Json, name: str, *, default: bool) -> bool:
    return str(sent.get(name, default)).lower() in ("true", "1", "yes")


def _calls(simulator: Simulator, _: Json) -> object:
    from .truth import received, rejections

    return {
        **simulator.counters.counted(),
        "received": received(simulator),
        "rejections": rejections(simulator),
    }


def _clear_calls(simulator: Simulator, _: Json) -> object:
    simulator.counters.clear()
    simulator.office.ledger.clear()
    return {}


def _clock(simulator: Simulator, _: Json) -> object:
    return {"now": simulator.clock.now(), "frozen": simulator.clock.frozen}


def _set_clock(simulator: Simulator, sent: Json) -> object:
    now = datetime.fromisoformat(str(sent["now"]))
    if now.tzinfo is None:
        raise ValueError("now needs a time zone, for example 2026-11-21T10:00:00+00:00")
    simulator.clock.set(now, frozen=_yes(sent, "frozen", default=False) if "frozen" in sent else None)
    return _clock(simulator, sent)


def _faults(simulator: Simulator, _: Json) -> object:
    return {"on": simulator.faults.on(), "known": NAMES}


def _switch_on(simulator: Simulator, sent: Json) -> object:
    options = dict(sent)
    return {"number": simulator.switch_on(str(options.pop("name")), **options)}


def _switch_off(simulator: Simulator, sent: Json) -> object:
    number = sent.get("number")
    simulator.switch_off(_text(sent, "name"), number=None if number is None else int(str(number)))
    return {"on": simulator.faults.on()}


def _change(simulator: Simulator, sent: Json) -> object:
    wanted = dict(sent)
    return simulator.change(str(wanted.pop("change")), **wanted)


def _world(simulator: Simulator, _: Json) -> object:
    size = simulator.world.size
    return {
        "seed": size.seed,
        "size": {name: getattr(size, name) for name in size.__slots__},
        "first_day": date.fromordinal(simulator.world.first_day),
        "ad_accounts": [plan.id for plan in simulator.present.accounts()],
        "members": [" ".join(simulator.world.person_name(member)) for member in range(size.members)],
        "apps": list(simulator.apps),
        "changes": sorted(OPERATIONS),
    }


def _issue(simulator: Simulator, sent: Json) -> object:
    scopes = str(sent.get("scope", "r_ads r_ads_reporting")).replace(",", " ").split()
    issued = simulator.issue_token(
        member=int(str(sent.get("member", 1))), client_id=_text(sent, "client_id"), scopes=scopes
    )
    refresh = issued.refresh.text if issued.refresh else None
    return {"access_token": issued.access.text, "refresh_token": refresh}


def _revoke(simulator: Simulator, sent: Json) -> object:
    member = int(str(sent.get("member", 1))) - 1
    return {"revoked": simulator.tokens.revoke_member(member, _text(sent, "client_id"))}


_HANDLERS: dict[tuple[str, str], Handler] = {
    ("GET", "/simulator/truth"): _truth,
    ("GET", "/simulator/calls"): _calls,
    ("DELETE", "/simulator/calls"): _clear_calls,
    ("GET", "/simulator/clock"): _clock,
    ("PUT", "/simulator/clock"): _set_clock,
    ("GET", "/simulator/faults"): _faults,
    ("POST", "/simulator/faults"): _switch_on,
    ("DELETE", "/simulator/faults"): _switch_off,
    ("POST", "/simulator/changes"): _change,
    ("GET", "/simulator/world"): _world,
    ("POST", "/simulator/tokens"): _issue,
    ("DELETE", "/simulator/tokens"): _revoke,
}
