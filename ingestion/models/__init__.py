"""One file per table; listing this folder lists the tables (`_` means no table)."""

from ingestion.models.account_daily_total import AccountDailyTotal
from ingestion.models.audience_demographic import AudienceDemographic
from ingestion.models.campaign import Campaign
from ingestion.models.campaign_daily_metric import CampaignDailyMetric
from ingestion.models.creative import Creative
from ingestion.models.creative_daily_metric import CreativeDailyMetric
from ingestion.models.rejected_record import RejectedRecord
from ingestion.models.sync_log import SyncLog
from ingestion.models.urn_name import UrnName

__all__ = [
    "AccountDailyTotal",
    "AudienceDemographic",
    "Campaign",
    "CampaignDailyMetric",
    "Creative",
    "CreativeDailyMetric",
    "RejectedRecord",
    "SyncLog",
    "UrnName",
]
