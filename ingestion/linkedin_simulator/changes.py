"""What happened to the world after it was founded: only the differences are kept."""

import threading
from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

EntityKind = Literal["ad_account", "campaign_group", "campaign", "creative"]
Entity = tuple[EntityKind, int]
WHOLE_ACCOUNT = 0


class Changes:
    """Renamed, stopped, vanished and new entities, restated and erased days, lost access."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.version = 0
        self.edited: dict[Entity, dict[str, object]] = {}
        self.edited_at: dict[Entity, int] = {}
        self.stopped: dict[Entity, int] = {}
        self.vanished: set[Entity] = set()
        self.last_returned: dict[Entity, dict[str, object]] = {}
        self.born_campaigns: dict[int, list[int]] = {}
        self.born_creatives: dict[int, list[int]] = {}
        self.restated: dict[int, dict[int, int]] = {}
        self.erased: dict[int, set[tuple[int, int]]] = {}
        self.refused_accounts: set[int] = set()
        # By ad account and member; no member means every one of them.
        self.lost_roles: set[tuple[int, int | None]] = set()

    def edit(self, entity: Entity, fields: dict[str, object], *, now_ms: int) -> None:
        """Replace fields of an entity as LinkedIn returns it."""
        with self.lock:
            self.edited[entity] = {**self.edited.get(entity, {}), **fields}
            self.edited_at[entity] = now_ms
            self.version += 1

    def stop(self, entity: Entity, last_day: int) -> None:
        """Let an entity have no figures after a day."""
        with self.lock:
            self.stopped[entity] = last_day
            self.version += 1

    def run_again(self, entity: Entity) -> None:
        """Undo a stop."""
        with self.lock:
            self.stopped.pop(entity, None)
            self.version += 1

    def vanish(self, entity: Entity, last_day: int) -> None:
        """Take an entity out of every listing; its figures up to now remain."""
        with self.lock:
            self.vanished.add(entity)
            self.stop(entity, last_day)

    def remember(self, entity: Entity, body: dict[str, object]) -> None:
        """Keep what LinkedIn returned last for an entity that is about to be hidden."""
        with self.lock:
            self.last_returned.setdefault(entity, body)

    def bear_campaign(self, account: int, day: int) -> int:
        """Add a campaign to an ad account (by index); give its place among the new ones."""
        with self.lock:
            born = [*self.born_campaigns.get(account, []), day]
            self.born_campaigns[account] = born
            self.version += 1
            return len(born) - 1

    def bear_creative(self, campaign_id: int, day: int) -> int:
        """Add a creative to a campaign; give its place among the new ones."""
        with self.lock:
            born = [*self.born_creatives.get(campaign_id, []), day]
            self.born_creatives[campaign_id] = born
            self.version += 1
            return len(born) - 1

    def restate(self, account_id: int, days: Iterable[int]) -> None:
        """Let LinkedIn change the figures of days already served."""
        with self.lock:
            generations = defaultdict(int, self.restated.get(account_id, {}))
            for day in days:
                generations[day] += 1
            self.restated[account_id] = dict(generations)
            self.version += 1

    def erase(self, account_id: int, creative_ids: Iterable[int], days: Iterable[int]) -> None:
        """Let LinkedIn send no row any more; WHOLE_ACCOUNT as the only id means every creative."""
        with self.lock:
            wanted = list(creative_ids)
            pairs = {(creative, day) for day in days for creative in wanted}
            self.erased[account_id] = self.erased.get(account_id, set()) | pairs
            self.version += 1
