"""The metrics for Prometheus, read from database and Valkey at each scrape, so right for any number of processes.

Syncs are counted over the last 24 hours, not since the beginning: old runs are pruned, and a falling counter would look
like a restart. Labels are bounded: connections by id, and only the ad accounts with the oldest data.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from datetime import time as time_of_day
from typing import Final

from django.db import Error as DatabaseError
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from reporting.queries import operations
from reporting.queries.operations import DataAge, Processes, ServiceState, SyncDay

MAX_AD_ACCOUNTS: Final = 50
_PREFIX: Final = "linkedin_ads_"


class ServiceCollector(Collector):
    """Reads everything once per scrape. What cannot be read is left out, and `up` says so."""

    def collect(self) -> Iterator[Metric]:
        began, now = time.monotonic(), timezone.now()
        try:
            state = operations.service_state(now)
        except DatabaseError:
            state = None
        known = state.processes if state else operations.processes(now)
        parts = {"database": state is not None, "broker": known.is_known}
        yield _gauge("up", "1 if the part answered this scrape", parts, label="part")
        yield from _processes(known, now=now)
        if state:
            yield from _service(state, now=now)
            yield from _last_day(state.last_day)
            yield from _data(state.data_ages, now=now)
            yield from _consents(state)
        yield _gauge("scrape_seconds", "How long this scrape took", time.monotonic() - began)

    def describe(self) -> Iterable[Metric]:
        """Nothing is read on registration: the database may not exist yet."""
        return []


def _processes(known: Processes, *, now: datetime) -> Iterator[Metric]:
    if not known.is_known or known.queue is None:
        return
    yield _gauge("workers", "Workers with a recent heartbeat", len(known.workers))
    yield _gauge("worker_processes", "Tasks they can run at once", sum(one.concurrency for one in known.workers))
    yield _gauge("tasks_active", "Tasks they are running", sum(one.active for one in known.workers))
    yield _gauge("tasks_waiting", "Tasks in the queue that no worker has taken yet", known.queue.waiting)
    yield _gauge("tasks_unacknowledged", "Tasks taken but unfinished, with delayed ones", known.queue.unacknowledged)
    if known.beat_last_tick_at:
        age = (now - known.beat_last_tick_at).total_seconds()
        yield _gauge("beat_age_seconds", "Since beat last checked its timetable; absent after a day", age)


def _service(state: ServiceState, *, now: datetime) -> Iterator[Metric]:
    versions = GaugeMetricFamily(
        f"{_PREFIX}build_info", "Always 1; the versions are its labels", labels=["version", "linkedin_version"]
    )
    versions.add_metric([state.product_version, state.linkedin_version], 1)
    yield versions
    if state.linkedin_sunset:
        days = (state.linkedin_sunset - now.date()).days
        yield _gauge("linkedin_version_days_left", "Days until LinkedIn refuses the API version in use", days)
    yield _gauge("syncs_running", "Syncs running now", state.running_syncs)
    yield _gauge("database_bytes", "Size of the database on its disk", state.database_bytes)
    yield _gauge("rows", "Estimated rows of a table", state.estimated_rows, label="table")
    kinds: dict[str, float] = dict.fromkeys(operations.INCIDENT_KINDS, 0)
    kinds |= {incident.kind: 1 for incident in state.incidents}
    yield _gauge("incident", "1 while something needs attention, as on the status page", kinds, label="kind")


def _last_day(day: SyncDay) -> Iterator[Metric]:
    syncs = GaugeMetricFamily(f"{_PREFIX}syncs_24h", "Syncs started within 24 hours", labels=["result", "error_kind"])
    for result, count in day.results.items():
        syncs.add_metric(result, count)
    yield syncs
    yield _gauge("api_calls_24h", "HTTP requests sent to LinkedIn, retries included", day.calls)
    yield _gauge("api_calls_throttled_24h", "Of these, answered with 429", day.calls_throttled)
    yield _gauge("rows_stored_24h", "Records received, valid and stored", day.rows_stored)
    yield _gauge("rows_rejected_24h", "Records received and rejected", day.rows_rejected)
    seconds = {f"{quantile:g}": value for quantile, value in day.seconds.items()}
    yield _gauge("sync_seconds_24h", "Duration of syncs by quantile; 1 is the longest", seconds, label="quantile")


def _data(ages: list[DataAge], *, now: datetime) -> Iterator[Metric]:
    old = sum(data.is_old for data in ages)
    may_be_old = sum(data.may_be_old for data in ages)
    yield _gauge("ad_accounts", "Ad accounts that can be read", len(ages))
    yield _gauge("ad_accounts_old", "Of these, never synced or not for twice the freshness, and not paused", old)
    yield _gauge("ad_accounts_paused", "Of these, as old, and paused or switched off in the timetable", may_be_old)
    ages = [data for data in ages if not data.may_be_old]
    as_of = {str(data.ad_account_id): (now - data.data_as_of).total_seconds() for data in ages if data.data_as_of}
    through = {
        str(data.ad_account_id): (now - datetime.combine(data.complete_through, time_of_day.max, UTC)).total_seconds()
        for data in ages
        if data.complete_through
    }
    yield _gauge("data_age_seconds_max", "Since the oldest last complete sync of an ad account", _maximum(as_of))
    yield _gauge("complete_through_age_seconds_max", "The same, since its last complete day ended", _maximum(through))
    yield _gauge("data_age_seconds", "By ad account, the oldest", _oldest(as_of), label="ad_account")
    yield _gauge("complete_through_age_seconds", "By ad account, the oldest", _oldest(through), label="ad_account")


def _consents(state: ServiceState) -> Iterator[Metric]:
    consents = {str(one.connection_id): one.consent_days_left for one in state.consents}
    tokens = {str(one.connection_id): one.token_days_left for one in state.consents}
    yield _gauge("consent_days_left", "Days until a LinkedIn consent ends; 0 once lost", consents, label="connection")
    yield _gauge("token_days_left", "Days until its access token ends", tokens, label="connection")


def _maximum(ages: dict[str, float]) -> float:
    return max(ages.values(), default=0.0)


def _oldest(ages: dict[str, float]) -> dict[str, float]:
    return dict(sorted(ages.items(), key=lambda item: -item[1])[:MAX_AD_ACCOUNTS])


def _gauge(name: str, help_text: str, value: float | Mapping[str, float], *, label: str = "") -> Metric:
    """One value, or one per label."""
    if not isinstance(value, Mapping):
        return GaugeMetricFamily(_PREFIX + name, help_text, value=value)
    family = GaugeMetricFamily(_PREFIX + name, help_text, labels=[label])
    for of, figure in value.items():
        family.add_metric([of], figure)
    return family
