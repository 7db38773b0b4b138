"""The steps of a sync, as progress bars and log lines name them."""

from enum import StrEnum


class Step(StrEnum):
    """What a run is doing."""

    START = "start"
    AD_ACCOUNTS = "ad accounts"
    ENTITIES = "campaigns and creatives"
    FIGURES = "daily figures and demographics"
    NAMES = "names"
    AUDIENCE = "audience demographics"
    RECONCILIATION = "reconciliation"
    RECHECK = "requesting days again that do not add up"
