"""The first page after sign-in: spend, how recent the data is, what needs attention."""

from dataclasses import dataclass, replace
from datetime import date

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import access
from accounts.models import AdAccount, LinkedInConnection
from ingestion.models import SyncLog
from ingestion.timetable.expected_sync import ExpectedSync
from reporting.pages import coverage
from reporting.pages.shell import without_parameters
from reporting.pages.sparkline import Sparkline, sparkline
from reporting.periods import last_days
from reporting.queries import data_as_of
from reporting.queries import findings as finding_queries
from reporting.queries.coverage import Coverage, ever_synced, selection_coverage
from reporting.queries.data_as_of import Attention, DataAsOf, SpendLately

_ATTENTION_SHOWN = 12
_AD_ACCOUNTS_SHOWN = 25
_DAYS_LATELY = 30
_CONSENT_KINDS = frozenset({"consent_lost", "consent_ending", "no_connection"})


@dataclass(frozen=True, slots=True)
class Step:
    """One step towards the first data."""

    title: str
    sentence: str
    is_done: bool
    href: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class SpendTile:
    """The spend in one currency, with its trend line."""

    spend: SpendLately
    line: Sparkline | None


@dataclass(frozen=True, slots=True)
class AttentionLine:
    """Something that needs attention, and the page that helps."""

    what: Attention
    href: str


def dashboard(request: HttpRequest, context: dict[str, object]) -> dict[str, object]:
    """The context of the admin's first page; Unfold calls it."""
    without_parameters(request)
    now = timezone.now()
    ad_accounts = access.visible_ad_accounts(request.user)
    steps = _steps(request)
    context |= {"title": "Overview", "steps": steps, "is_set_up": all(step.is_done for step in steps)}
    if not ad_accounts.exists():
        return context
    each = _without_gaps(data_as_of.with_next_sync(ad_accounts=ad_accounts, now=now), ad_accounts, today=now.date())
    oldest_first = sorted(each, key=lambda one: (one[0].as_of is not None, one[0].as_of))
    named = access.sees_colleagues(request.user)
    found = data_as_of.attention(ad_accounts=ad_accounts, now=now, names_people=named)
    attention = [one for one in found if _concerns(request, one)]
    spend = data_as_of.overview_spend(ad_accounts=ever_synced(ad_accounts), today=now.date())
    return context | {
        "has_ad_accounts": True,
        "selection": data_as_of.together([data for data, _ in each]),
        "next_sync_at": min((expected.next_at for _, expected in each if expected.next_at), default=None),
        "spend": [SpendTile(one, _line(one)) for one in spend],
        "attention": [AttentionLine(one, _where(one)) for one in attention[:_ATTENTION_SHOWN]],
        "more_attention": max(0, len(attention) - _ATTENTION_SHOWN),
        "ad_accounts": oldest_first[:_AD_ACCOUNTS_SHOWN],
        "more_ad_accounts": max(0, len(each) - _AD_ACCOUNTS_SHOWN),
        "connections": data_as_of.connections_of(ad_accounts=ad_accounts, now=now),
        "open_findings": finding_queries.open_findings(ad_accounts, today=now.date()),
        "may_connect": access.may_connect_linkedin(request.user),
    }


def _line(spend: SpendLately) -> Sparkline | None:
    """A gap where a day was never fetched for all ad accounts: the spend of the others would look like a fall."""
    days = zip(spend.coverage.period.each_day(), spend.days, strict=True)
    return sparkline([spent if spend.coverage.has_fetched(day, day) else None for day, spent in days])


def _without_gaps(
    each: list[tuple[DataAsOf, ExpectedSync]], ad_accounts: QuerySet[AdAccount], *, today: date
) -> list[tuple[DataAsOf, ExpectedSync]]:
    """Complete through the day before the first that is missing: a day that was never fetched was never checked."""
    lately = selection_coverage(ad_accounts=ad_accounts, period=last_days(_DAYS_LATELY, today=today))
    return [(_complete(one, lately.of_ad_account(one.ad_account_id)), expected) for one, expected in each]


def _complete(one: DataAsOf, lately: Coverage) -> DataAsOf:
    known = one.complete_through
    return replace(one, complete_through=coverage.complete_through(known, lately)) if known else one


def _steps(request: HttpRequest) -> list[Step]:
    """The steps from an empty installation to the first data."""
    is_configured = bool(settings.LINKEDIN_CLIENT_ID and settings.LINKEDIN_CLIENT_SECRET)
    is_connected = LinkedInConnection.objects.exists()
    may_connect = access.may_connect_linkedin(request.user)
    return [
        Step(
            "Set up your LinkedIn app",
            "Create an app with the Advertising API product in LinkedIn's Developer Portal, set LINKEDIN_CLIENT_ID and "
            "LINKEDIN_CLIENT_SECRET to its client id and secret, and restart the service.",
            is_configured,
        ),
        Step(
            "Connect LinkedIn",
            "A member with a role on your ad accounts gives consent once; nothing is changed at LinkedIn."
            if may_connect
            else "Ask an owner or a manager to connect LinkedIn.",
            is_connected,
            reverse("accounts:connect") if may_connect and is_configured else "",
            "Connect LinkedIn",
        ),
        Step(
            "Wait for the first sync",
            f"It starts automatically and fetches the last {settings.BACKFILL_DAYS} days, unless an ad account's own "
            "settings say otherwise.",
            SyncLog.objects.filter(status=SyncLog.Status.SUCCESS, account__isnull=False).exists(),
            reverse("reporting:sync") if is_connected else "",
            "View progress",
        ),
    ]


def _concerns(request: HttpRequest, one: Attention) -> bool:
    """Consents name the colleague who gave them, so only people who may connect LinkedIn see them."""
    return one.kind not in _CONSENT_KINDS or access.may_connect_linkedin(request.user)


def _where(one: Attention) -> str:
    """The page where a person can do something about it."""
    if one.kind in _CONSENT_KINDS:
        return reverse("accounts:connect")
    if one.run_id is not None:
        return reverse("reporting:run", args=[one.run_id])
    narrowed = f"?ad_account={one.ad_account_id}" if one.ad_account_id else ""
    if one.kind == "incomplete_days":
        return reverse("admin:ingestion_incompleteday_changelist") + narrowed
    if one.kind == "rejected_records":
        return reverse("admin:ingestion_rejectedrecord_changelist") + narrowed
    if one.kind == "missing_at_linkedin" and one.ad_account_id:
        return reverse("admin:accounts_adaccount_change", args=[one.ad_account_id])
    return reverse("reporting:sync") + narrowed
