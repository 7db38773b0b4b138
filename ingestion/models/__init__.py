"""One file per table; listing this folder lists the tables (`_` means no table)."""

from ingestion.models._synced_ad_account import SyncedAdAccount
from ingestion.models._work_request import WorkRequest
from ingestion.models.account_daily_total import AccountDailyTotal
from ingestion.models.ad_account_settings import AdAccountSettings
from ingestion.models.audience_demographic import AudienceDemographic
from ingestion.models.campaign import Campaign
from ingestion.models.campaign_daily_metric import CampaignDailyMetric
from ingestion.models.covered_days import CoveredDays
from ingestion.models.creative import Creative
from ingestion.models.creative_daily_metric import CreativeDailyMetric
from ingestion.models.incomplete_day import IncompleteDay
from ingestion.models.rejected_record import RejectedRecord
from ingestion.models.sync_gate import SyncGate
from ingestion.models.sync_log import SyncLog
from ingestion.models.urn_name import UrnName

__all__ = [
    "AccountDailyTotal",
    "AdAccountSettings",
    "AudienceDemographic",
    "Campaign",
    "CampaignDailyMetric",
    "CoveredDays",
    "Creative",
    "CreativeDailyMetric",
    "IncompleteDay",
    "RejectedRecord",
    "SyncGate",
    "SyncLog",
    "SyncedAdAccount",
    "UrnName",
    "WorkRequest",
]
