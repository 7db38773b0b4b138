"""What a listing says of the entities it does not hold."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from ingestion.linkedin.endpoints import Page, Rejected
from ingestion.models import Campaign, Creative
from ingestion.sync import entities, load
from tests.builders import make_campaign, make_creative

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def page_with(identity: str | None) -> Page[Any]:
    """One element, which could not be read."""
    rejected = Rejected(endpoint="/rest/x", payload={"id": identity}, reason="id: is wrong", identity=identity)
    return Page(records=[], rejected=[rejected])


@pytest.mark.parametrize("identity", [None, "", "not-a-number", "1" * 30, "urn:li:sponsoredCreative:x"])
def test_where_a_listed_record_has_no_readable_id_nothing_counts_as_missing(identity: str | None):
    creative = make_creative()
    run: Any = SimpleNamespace(ad_account_id=creative.account_id, fetched_at=NOW)
    entities._mark_missing(run, load.CAMPAIGNS, [page_with(identity)])
    entities._mark_missing(run, load.CREATIVES, [page_with(identity)])
    assert not Campaign.objects.exclude(missing_since=None).exists()
    assert not Creative.objects.exclude(missing_since=None).exists()


def test_a_listed_record_that_could_not_be_read_is_not_missing_and_others_are():
    read = make_campaign()
    gone = make_campaign(account=read.account)
    run: Any = SimpleNamespace(ad_account_id=read.account_id, fetched_at=NOW)
    entities._mark_missing(run, load.CAMPAIGNS, [page_with(str(read.pk))])
    assert list(Campaign.objects.filter(missing_since=NOW)) == [gone]
