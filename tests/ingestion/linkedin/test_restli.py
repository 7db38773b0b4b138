"""Source of the spellings: LinkedIn Marketing, "Protocol Versions" and "URNs", 202602."""

from datetime import date
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.linkedin import restli

STRUCTURE = set("(),:'")


@pytest.mark.parametrize(
    ("value", "spelt"),
    [
        ("ACTIVE", "ACTIVE"),
        ("", "''"),
        ("urn:li:sponsoredCampaign:1", "urn%3Ali%3AsponsoredCampaign%3A1"),
        ("a (b), c's", "a%20%28b%29%2C%20c%27s"),
        ("Zürich", "Z%C3%BCrich"),
        (7, "7"),
        (True, "true"),
        (False, "false"),
        (date(2026, 3, 9), "(year:2026,month:3,day:9)"),
        ([], "List()"),
        (["urn:li:title:9", "B"], "List(urn%3Ali%3Atitle%3A9,B)"),
        ({"status": {"values": ["ACTIVE"]}, "test": False}, "(status:(values:List(ACTIVE)),test:false)"),
    ],
)
def test_encode_keeps_structure_and_escapes_primitives(value, spelt):
    assert restli.encode(value) == spelt


@given(st.text(min_size=1))
def test_encode_of_text_holds_no_structure_and_reads_back(text):
    spelt = restli.encode(text.encode("utf-8", "replace").decode())
    assert spelt.isascii()
    assert not STRUCTURE & set(spelt)
    assert unquote(spelt) == text.encode("utf-8", "replace").decode()


def test_query_keeps_the_order_leaves_none_out_and_fields_raw():
    query = restli.query(q="analytics", pageToken=None, accounts=["urn:li:a:1"], fields=("dateRange", "clicks"))
    assert query == "q=analytics&accounts=List(urn%3Ali%3Aa%3A1)&fields=dateRange,clicks"


def test_date_range_includes_both_days():
    spelt = restli.encode(restli.date_range(date(2026, 1, 31), date(2026, 2, 1)))
    assert spelt == "(start:(year:2026,month:1,day:31),end:(year:2026,month:2,day:1))"


def test_date_range_refuses_days_in_the_wrong_order():
    with pytest.raises(ValueError, match="before the first day"):
        restli.date_range(date(2026, 1, 2), date(2026, 1, 1))


@given(st.integers(1, 2**63 - 1))
def test_urn_id_reads_what_urn_wrote(number):
    assert restli.urn_id(restli.urn("sponsoredAccount", number)) == number


NO_URNS = [
    *("", "7", "urn:li:title:", "urn:li:title:0", "urn:li:title:07", "urn:li:title:-1", "urn:li:title:x"),
    *("urn:li:title:9 ", "urn:li:title:9\n", f"urn:li:title:{2**63}", "urn:li:title:٣"),
]


@pytest.mark.parametrize("text", NO_URNS)
def test_urn_id_refuses_what_is_no_numbered_urn(text):
    with pytest.raises(ValueError, match="is not a URN"):
        restli.urn_id(text)
