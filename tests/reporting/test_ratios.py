"""Ratios come from summed counts, and there is none where there is nothing to divide by."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ingestion.models import CampaignDailyMetric, CreativeDailyMetric
from reporting.metrics import COLUMNS, DAILY, METRICS, RATIOS, SUMS, Better, Ratio, Type, Unit
from reporting.ratios import FIGURE_COLUMNS, NOTHING, Figures, change_percent, percent_of, value

COUNTS = st.integers(0, 10**9)
AMOUNTS = st.decimals(0, 10**9, places=10, allow_nan=False, allow_infinity=False)
FIGURES = st.builds(
    Figures,
    sums=st.fixed_dictionaries({column.name: COUNTS if column.type is Type.COUNT else AMOUNTS for column in COLUMNS}),
)


def of(**sums: int | Decimal) -> Figures:
    return Figures(sums={**NOTHING, **sums})


def test_every_ratio():
    figures = of(
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
    assert figures.value("engagements") == 10


def test_there_is_no_ratio_without_a_divisor():
    nothing = Figures()
    assert [nothing.value(ratio.name) for ratio in RATIOS] == [None] * len(RATIOS)
    assert value("ctr_percent", {"clicks": 0, "impressions": 0}) is None
    assert value("cpc", {"spend": Decimal(1), "clicks": 0}) is None
    assert value("cost_per_lead", {"spend": Decimal(1), "leads": 0}) is None
    assert value("ctr_percent", {"clicks": 0, "impressions": 10}) == 0


def test_a_figure_is_not_known_where_a_part_of_it_is_not():
    assert value("cpc", {"spend": None, "clicks": 3}) is None
    assert value("cpc", {"spend": Decimal(1), "clicks": None}) is None
    one = of(likes=1).plus(Figures(sums=dict.fromkeys(FIGURE_COLUMNS)))
    assert (one.value("likes"), one.total("likes")) == (1, 1)
    assert (Figures(sums={"likes": None}).value("likes"), Figures(sums={"likes": None}).total("likes")) == (None, 0)


def test_ratios_are_rounded_as_the_generated_columns_are():
    assert value("ctr_percent", {"clicks": 1, "impressions": 3}) == Decimal("33.333333")
    assert value("cpc", {"spend": Decimal(2), "clicks": 3}) == Decimal("0.6666666667")


@given(FIGURES)
def test_figures_and_their_sums_have_the_same_values(figures: Figures):
    for metric in METRICS.values():
        assert figures.value(metric.name) == value(metric.name, figures.sums)


@given(FIGURES, FIGURES)
def test_a_ratio_of_a_sum_is_not_a_mean_of_ratios(one: Figures, other: Figures):
    both = one.plus(other)
    for name in FIGURE_COLUMNS:
        assert both.value(name) == one.total(name) + other.total(name)
    if seen := one.total("impressions") + other.total("impressions"):
        exact = (one.total("clicks") + other.total("clicks")) * 100 / seen
        ctr = both.value("ctr_percent")
        assert ctr is not None
        assert abs(ctr - exact) <= Decimal("5e-7")


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
        assert columns == {metric.column for metric in DAILY} >= set(FIGURE_COLUMNS) == set(Figures().sums)


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


def test_it_is_good_to_pay_less_and_neither_good_nor_bad_to_spend():
    assert {name for name, metric in METRICS.items() if metric.better is Better.LESS} >= {
        "cpc", "cpm", "cost_per_conversion", "cost_per_lead",
    }  # fmt: skip
    assert METRICS["spend"].better is Better.NEITHER
    assert METRICS["clicks"].better is METRICS["ctr_percent"].better is Better.MORE


def test_people_read_first_what_they_look_for_first():
    assert FIGURE_COLUMNS[:12] == (
        "impressions", "clicks", "spend", "landing_page_clicks", "conversions", "leads", "likes", "comments", "shares",
        "follows", "opens", "sends",
    )  # fmt: skip
