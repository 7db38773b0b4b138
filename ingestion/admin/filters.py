"""Filters by what only this room knows."""

from accounts.shell.admin_filters import RowFilter
from ingestion.models import CampaignDailyMetric, CreativeDailyMetric


class CampaignFilter(RowFilter):
    """Narrows creatives or campaign figures to one campaign."""

    title = "campaign"
    parameters = ("campaign",)
    path = "campaign"
    searched = CampaignDailyMetric._meta.get_field("campaign")


class CampaignOfCreativeFilter(CampaignFilter):
    """Narrows creative figures to one campaign."""

    path = "creative__campaign"


class CreativeFilter(RowFilter):
    """Narrows creative figures to one creative."""

    title = "creative"
    parameters = ("creative",)
    path = "creative"
    searched = CreativeDailyMetric._meta.get_field("creative")
