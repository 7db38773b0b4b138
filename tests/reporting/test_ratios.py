"""Ratios come from summed counts, and there is none where there is nothing to divide by."""

from dataclasses import fields
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ingestion.models import CampaignDailyMetric, CreativeDailyMetric
from reporting.metrics import COLUMNS, METRICS, RATIOS, SUMS, Ratio, Unit
from reporting.ratios import FIGURE_COLUMNS, Figures, change_percent, cost_per_lead, cpc, ctr_percent, percent_of

COUNTS = st.integers(0, 10**9)
FIGURES = st.builds(
    Figures,
    **dict.fromkeys(FIGURE_COLUMNS, COUNTS)
    | {"spend": st.decimals(0, 10**9, places=10, allow_nan=False, allow_infinity=False)},
)


def test_every_ratio():
    figures = Figures(
        impressions=2000, clicks=50, spend=Decimal("120"), conversions=4, leads=3, likes=5, comments=2, shares=2,
        follows=1, opens=30, sends=40,
    )  # fmt: skip
    assert {ratio.name: figures.value(ratio.name) for ratio in RATIOS} == {
        "ctr_percent": Decimal("2.5"),
        "cpc": Decimal("2.4"),
        "cpm": Decimal("60"),
        "cost_per_conversion": Decimal("30"),
        "cost_per_lead": Decimal("40"),
        "conversion_rate_percent": Decimal("8"),
        "engagement_rate_percent": Decimal("3"),
        "open_rate_percent": Decimal("75"),
    }
    assert figures.value("engagements") == figures.engagements == 10


def test_there_is_no_ratio_without_a_divisor():
    nothing = Figures()
    assert [nothing.value(ratio.name) for ratio in RATIOS] == [None] * len(RATIOS)
    assert ctr_percent(clicks=0, impressions=0) is None
    assert cpc(spend=Decimal(1), clicks=0) is None
    assert cost_per_lead(spend=Decimal(1), leads=0) is None
    assert ctr_percent(clicks=0, impressions=10) == 0


def test_ratios_are_rounded_as_the_generated_columns_are():
    assert ctr_percent(clicks=1, impressions=3) == Decimal("33.333333")
    assert cpc(spend=Decimal(2), clicks=3) == Decimal("0.6666666667")


@given(FIGURES)
def test_properties_and_values_by_name_are_the_same(figures: Figures):
    for metric in METRICS.values():
        assert getattr(figures, metric.name) == figures.value(metric.name)


@given(FIGURES, FIGURES)
def test_a_ratio_of_a_sum_is_not_a_mean_of_ratios(one: Figures, other: Figures):
    both = one.plus(other)
    for name in FIGURE_COLUMNS:
        assert getattr(both, name) == getattr(one, name) + getattr(other, name)
    if one.impressions + other.impressions:
        exact = Decimal(one.clicks + other.clicks) * 100 / (one.impressions + other.impressions)
        assert both.ctr_percent is not None
        assert abs(both.ctr_percent - exact) <= Decimal("5e-7")


def test_change_has_no_percentage_where_there_was_nothing():
    assert change_percent(before=Decimal(80), now=Decimal(100)) == 25
    assert change_percent(before=100, now=0) == -100
    assert change_percent(before=0, now=5) is None
    assert change_percent(before=None, now=5) is None
    assert change_percent(before=5, now=None) is None
    assert percent_of(1, 0) is None


def test_the_registry_names_every_count_of_the_tables():
    kept = {"id", "date", "ctr", "cpc", "fetched_at"}
    for model, key in ((CampaignDailyMetric, "campaign_id"), (CreativeDailyMetric, "creative_id")):
        columns = {field.column for field in model._meta.concrete_fields} - kept - {key}
        assert columns == {column.name for column in COLUMNS} == {field.name for field in fields(Figures)}


def test_every_metric_says_what_it_is():
    assert len(METRICS) == len(SUMS) + len(RATIOS)
    for metric in METRICS.values():
        assert metric.label
        assert metric.description
        assert set(metric.columns) <= set(FIGURE_COLUMNS)
        if isinstance(metric, Ratio):
            assert metric.divisor in FIGURE_COLUMNS
            assert metric.name.endswith("_percent") == (metric.unit is Unit.PERCENT)
    assert METRICS["ctr_percent"].formula == "clicks / impressions · 100"
    assert METRICS["cost_per_lead"].formula == "spend / leads"
    assert (
        METRICS["engagement_rate_percent"].formula
        == "(clicks + likes + comments + shares + follows) / impressions · 100"
    )
