"""The kinds of field LinkedIn's objects are made of, and what counts as a clean value of each.

Text where LinkedIn documents a number is dirty and refused.
Source: LinkedIn Marketing, "Reporting schema", 202602.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AliasPath, BeforeValidator, Field

from ingestion.linkedin.restli import urn_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _instant(value: object) -> datetime:
    """Epoch milliseconds as an aware UTC instant; pydantic alone would guess the unit from the size."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("should be whole milliseconds since 1970")
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999") from None


def _urn_number(value: object) -> object:
    return urn_id(value) if isinstance(value, str) else value


def text_or_none(value: object) -> str | None:
    """The text where it is one and can be stored, else None; for fields whose shape varies."""
    return value if isinstance(value, str) and value and "\x00" not in value else None


# A NUL cannot be stored as PostgreSQL text; found here it costs one record, found there a whole page.
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
Flag = Annotated[bool, Field(strict=True)]
Id = Annotated[int, Field(strict=True, gt=0, lt=2**63)]
Year = Annotated[int, Field(strict=True, ge=1, le=9999)]
Month = Annotated[int, Field(strict=True, ge=1, le=12)]
DayOfMonth = Annotated[int, Field(strict=True, ge=1, le=31)]
Count = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
# Costs come with up to 20 decimals, as exponents, as negative dust (-2E-18); the bound fits numeric(24,10).
Cost = Annotated[Decimal, Field(gt=-(10**13), lt=10**13, allow_inf_nan=False)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
AdAccountId = Annotated[Id, BeforeValidator(_urn_number)]

# Checked in Rust while the page is read; a Python validator would double the price of a row. The number stays
# below 92 * 10**17, the largest round one under 2**63.
_NUMBER = r"(?:[1-9][0-9]{0,17}|[1-8][0-9]{18}|9[01][0-9]{17})$"
AdAccountUrn = Annotated[str, Field(pattern="^urn:li:sponsoredAccount:" + _NUMBER)]
CampaignUrn = Annotated[str, Field(pattern="^urn:li:sponsoredCampaign:" + _NUMBER)]
CreativeUrn = Annotated[str, Field(pattern="^urn:li:sponsoredCreative:" + _NUMBER)]
Segment = Annotated[str, Field(pattern=r"^[^\x00]+$", max_length=255)]


def _stamp(moment: str) -> Any:
    """Where `changeAuditStamps` keeps the instant of `created` or `lastModified`."""
    return Field(validation_alias=AliasPath("changeAuditStamps", moment, "time"))


CreatedAt = Annotated[Instant | None, _stamp("created")]
LastModifiedAt = Annotated[Instant | None, _stamp("lastModified")]
