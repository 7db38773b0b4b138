"""Counts failed attempts and locks out whoever makes too many, with a delay that grows.

Every door where a secret can be guessed opens an `attempt`, which is counted as failed before the secret is checked:
a hundred attempts at once get no more guesses than a hundred in a row. One that passes is taken off again.

Counted by account from one network, so that a stranger does not lock a person out of where they are; by account from
anywhere, against guesses from many networks; and by network for all accounts, against one password for many people.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import audit_trail
from accounts.errors import LockedOut
from accounts.models import AuditEvent, FailedLogin
from accounts.people.email_address import MAX_LENGTH, normalized_or_none
from accounts.sign_in.networks import networks_of

Door = FailedLogin.Door


@dataclass(frozen=True, slots=True)
class Limit:
    """From this many failures on, each one locks: first for `first_delay`, then twice as long, up to `max_delay`."""

    failures: int
    first_delay: timedelta
    max_delay: timedelta

    def delay(self, failures: int) -> timedelta:
        if failures < self.failures:
            return timedelta(0)
        doubled = 1 << min(failures - self.failures, 30)
        return min(self.first_delay * doubled, self.max_delay)


_MINUTE: Final = timedelta(minutes=1)
_ACCOUNT_FROM_NETWORK: Final = Limit(5, 15 * _MINUTE, 12 * 60 * _MINUTE)
# Fewer than the 100 an hour of ASVS 2.2.1, and enough that nobody keeps a person out without an effort.
_ACCOUNT: Final = Limit(50, _MINUTE, 60 * _MINUTE)
# A whole office may be behind one address: an hour, so that nobody in it keeps the others out for the day.
_NETWORK: Final = Limit(30, _MINUTE, 60 * _MINUTE)
# Guessed by whoever has the password already, from wherever.
_CODES: Final = Limit(5, 15 * _MINUTE, 12 * 60 * _MINUTE)
# Many people may share it: a brake, not a wall.
_WIDE_NETWORK: Final = Limit(150, _MINUTE, 15 * _MINUTE)

# Without a failure for so long, counting begins again.
REMEMBERED: Final = timedelta(days=1)
# Further attempts while locked out must not fill a table that nothing is ever deleted from.
_RECORDED_EVERY: Final = timedelta(hours=1)


@dataclass(slots=True)
class Attempt:
    """One guess at a secret; whoever checks it says whether it was right."""

    passed: bool = False


@dataclass(frozen=True, slots=True)
class _Counted:
    """An attempt as it was counted: when, until when it locks if it fails, and when each row had failed before."""

    at: datetime
    locked_until: datetime | None
    failed_before: dict[tuple[str, str], datetime]


@contextmanager
def attempt(door: Door, *, account: str | None, address: str | None) -> Iterator[Attempt]:
    """Check a secret within; set `passed` if it was right.

    `account` is the e-mail address as it was typed, or of the person; `address` is the client's. Raises LockedOut
    before the secret is checked, and again after the failure that locks.
    """
    limits = _limits(door, account, address)
    counted = _count(door, limits, account=account, address=address)
    one = Attempt()
    yield one
    if one.passed:
        _forget(door, limits, counted)
    elif counted.locked_until:
        _record(account, address)
        raise LockedOut(counted.locked_until)


def require_unlocked(door: Door, *, account: str | None, address: str | None) -> None:
    """Raises LockedOut where an attempt would: before it takes a place that others wait for. Nothing is counted."""
    limits = _limits(door, account, address)
    rows = FailedLogin.objects.filter(_rows(door, limits))
    if until := _locked_until(rows, limits, now=timezone.now()):
        _record(account, address)
        raise LockedOut(until)


def unlock(email: str) -> None:
    """Forget the wrong passwords of an account, wherever they came from; no e-mail unlocks its wrong codes."""
    FailedLogin.objects.filter(account=email, door__in=[Door.PASSWORD, Door.RESET]).delete()


def forget_wrong_codes(email: str) -> None:
    """Forget the wrong codes of an account, wherever they came from."""
    FailedLogin.objects.filter(account=email, door=Door.SECOND_STEP).delete()


# --- Housekeeping ---


def prune(*, now: datetime) -> int:
    """Remove what no longer counts; returns how many rows."""
    removed, _ = FailedLogin.objects.filter(last_failed_at__lt=now - REMEMBERED).delete()
    return removed


# What is counted: account and network, each empty for all, and the limit.
_Limits = dict[tuple[str, str], Limit]


def _limits(door: Door, account: str | None, address: str | None) -> _Limits:
    """In one order everywhere, so that two attempts never wait for each other."""
    # Whatever has no such form belongs to nobody; its network is counted.
    who = normalized_or_none(account)
    networks = networks_of(address)
    found: _Limits = {}
    if who:
        found[who, ""] = _CODES if door == Door.SECOND_STEP else _ACCOUNT
    if networks:
        found["", networks.own] = _NETWORK
        if networks.wide:
            found["", networks.wide] = _WIDE_NETWORK
        if who:
            found[who, networks.own] = _ACCOUNT_FROM_NETWORK
    return dict(sorted(found.items()))


def _rows(door: Door, limits: _Limits) -> Q:
    keys = Q()
    for account, network in limits:
        keys |= Q(account=account, network=network)
    return Q(door=door) & keys if limits else Q(pk=None)


def _count(door: Door, limits: _Limits, *, account: str | None, address: str | None) -> _Counted:
    """One failure more in every row. Raises LockedOut where an earlier one locks."""
    now = timezone.now()
    failed_before = {}
    with transaction.atomic():
        FailedLogin.objects.bulk_create(
            [
                FailedLogin(door=door, account=who, network=network, failures=0, last_failed_at=now)
                for who, network in limits
            ],
            ignore_conflicts=True,
        )
        rows = FailedLogin.objects.select_for_update().filter(_rows(door, limits)).order_by("account", "network")
        if until := _locked_until(rows, limits, now=now):
            # No row for whatever else is tried from a network that is locked.
            transaction.set_rollback(True)
        else:
            for row in rows:
                failed_before[row.account, row.network] = row.last_failed_at
                is_old = row.last_failed_at < now - REMEMBERED
                row.failures, row.last_failed_at = 1 if is_old else row.failures + 1, now
            FailedLogin.objects.bulk_update(rows, ["failures", "last_failed_at"])
    if until:
        _record(account, address)
        raise LockedOut(until)
    return _Counted(now, _locked_until(rows, limits, now=now), failed_before)


def _locked_until(rows: Iterable[FailedLogin], limits: _Limits, *, now: datetime) -> datetime | None:
    # Without a delay nothing is locked, even if another attempt has failed since `now`.
    delays = ((row.last_failed_at, limits[row.account, row.network].delay(row.failures)) for row in rows)
    ends = [failed_at + delay for failed_at, delay in delays if delay]
    return max((end for end in ends if end > now), default=None)


def _forget(door: Door, limits: _Limits, counted: _Counted) -> None:
    """Those of the account; those of the network stay, or a guesser's own account would clear them.

    They become as old as they were: else each success would renew their delay, and none would ever be forgotten.
    """
    rows = FailedLogin.objects.filter(_rows(door, limits))
    rows.exclude(account="").delete()
    rows.filter(failures__gt=0).update(failures=F("failures") - 1)
    for (account, network), failed_at in counted.failed_before.items():
        rows.filter(account=account, network=network, last_failed_at=counted.at).update(last_failed_at=failed_at)


def _record(account: str | None, address: str | None) -> None:
    """In the audit trail, once an hour at most."""
    email = (normalized_or_none(account) or account or "anybody").replace("\0", "")[:MAX_LENGTH]
    recorded = AuditEvent.objects.filter(kind="locked_out", happened_at__gt=timezone.now() - _RECORDED_EVERY)
    if not recorded.filter(detail__user_email=email, detail__ip=address).exists():
        audit_trail.record("locked_out", user_email=email, ip=address)
