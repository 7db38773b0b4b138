"""Down from a row to what belongs to it."""

from collections.abc import Iterator

from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

from accounts import access
from accounts.models import AdAccount
from accounts.shell.row_links import RowLink, provide, to_list, to_row
from ingestion.models import (
    AccountDailyTotal,
    AdAccountSettings,
    AudienceDemographic,
    Campaign,
    CampaignDailyMetric,
    Creative,
    CreativeDailyMetric,
    IncompleteDay,
    RejectedRecord,
    SyncedAdAccount,
    SyncLog,
)
from ingestion.timetable import schedules


def _of_ad_account(row: AdAccount, request: HttpRequest) -> Iterator[RowLink]:
    counted: tuple[tuple[str, type[Model]], ...] = (
        ("Campaigns", Campaign),
        ("Creatives", Creative),
        ("Incomplete days", IncompleteDay),
    )
    for title, model in counted:
        yield to_list(title, model, count=model._default_manager.filter(account=row.pk).count(), ad_account=row.pk)
    for title, model in (
        ("Campaign metrics", CampaignDailyMetric),
        ("Creative metrics", CreativeDailyMetric),
        ("Demographics", AudienceDemographic),
        ("Daily totals", AccountDailyTotal),
        ("Sync runs", SyncLog),
        ("Rejected records", RejectedRecord),
    ):
        yield to_list(title, model, ad_account=row.pk)
    if access.may_sync(request.user, row.pk):
        yield from _to_what_may_be_changed(row)


def _to_what_may_be_changed(row: AdAccount) -> Iterator[RowLink]:
    if entry := schedules.entry_of(row.pk):
        title = "Timetable" if entry.enabled else "Timetable: paused"
        yield to_row(title, entry)
    settings = AdAccountSettings.objects.filter(pk=row.pk).first()
    if settings:
        yield to_row("Settings: paused" if settings.is_paused else "Settings", settings)
    else:
        yield RowLink("Settings", f"{reverse('admin:ingestion_adaccountsettings_add')}?account={row.pk}")


def _of_campaign(row: Campaign, request: HttpRequest) -> Iterator[RowLink]:
    yield to_list("Creatives", Creative, count=row.creatives.count(), campaign__id__exact=row.pk)
    yield to_list("Campaign metrics", CampaignDailyMetric, campaign__id__exact=row.pk)
    yield to_list("Creative metrics", CreativeDailyMetric, creative__campaign__id__exact=row.pk)


def _of_creative(row: Creative, request: HttpRequest) -> Iterator[RowLink]:
    yield to_list("Creative metrics", CreativeDailyMetric, creative__id__exact=row.pk)


provide(AdAccount, _of_ad_account)
provide(SyncedAdAccount, _of_ad_account)
provide(Campaign, _of_campaign)
provide(Creative, _of_creative)
