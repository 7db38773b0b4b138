"""LinkedIn's words as Campaign Manager writes them."""

import pytest

from accounts.shell.linkedin_words import label, labels, urn_name


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("MAX_LEAD", "Maximum delivery: leads"),
        ("NEEDS_REVIEW", "In review"),
        ("WEBSITE_VISIT", "Website visits"),
        ("CPM", "Cost per 1,000 impressions (CPM)"),
        ("PENDING_DELETION", "Pending deletion"),
        ("A_WORD_OF_NEXT_YEAR", "A word of next year"),
        ("", ""),
    ],
)
def test_a_word(word: str, shown: str) -> None:
    assert label(word) == shown


def test_several_words() -> None:
    assert labels("FORM_HOLD, CAMPAIGN_STOPPED") == "Lead form on hold, Campaign is paused"


@pytest.mark.parametrize(
    ("urn", "name"),
    [
        ("urn:li:title:9", "Job title 9"),
        ("urn:li:function:12", "Job function 12"),
        ("urn:li:seniority:4", "Seniority 4"),
        ("urn:li:industry:6", "Industry 6"),
        ("urn:li:organization:1035", "Company 1035"),
        ("urn:li:geo:103644278", "Location 103644278"),
        ("urn:li:sponsoredCreative:123", "Creative 123"),
        ("urn:li:ugcPost:7", "Post 7"),
        ("urn:li:fooBar:(a,b)", "Foo bar (a,b)"),
        ("SIZE_51_TO_200", "Size 51 to 200"),
    ],
)
def test_what_has_no_name_is_called_by_what_it_is(urn: str, name: str) -> None:
    assert urn_name(urn) == name
