"""Filters by what only this room knows."""

from accounts.admin.filters import RowFilter
from ingestion.models import CampaignDailyMetric, Creative, CreativeDailyMetric


class CampaignFilter(RowFilter):
    """Narrows creatives or campaign figures to one campaign."""

    title = "campaign"
    parameters = ("campaign",)
    path = "campaign"
    searched = CampaignDailyMetric._meta.get_field("campaign")  # type: ignore[assignment]


class CampaignOfCreativeFilter(CampaignFilter):
    """Narrows creative figures to one campaign."""

    path = "creative__campaign"
    searched = Creative._meta.get_field("campaign")  # type: ignore[assignment]


class CreativeFilter(RowFilter):
    """Narrows creative figures to one creative."""

    title = "creative"
    parameters = ("creative",)
    path = "creative"
    searched = CreativeDailyMetric._meta.get_field("creative")  # type: ignore[assignment]
