"""A client that a tool writes from docs/openapi.yaml, and nothing else, is enough to use the API."""

import importlib
import os
import subprocess
import sys
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.linkedin_simulator.simulator import Options, Simulator
from ingestion.linkedin_simulator.truth import truth
from tests.journeys.stack import Stack

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
PACKAGE = "generated_client"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the client. The generator warns of what it does not understand: of nothing here."""
    folder = tmp_path_factory.mktemp("client")
    programs = Path(sys.executable).parent
    generate = ["generate", "--path", str(DOCUMENT), "--output-path", str(folder / PACKAGE), "--meta", "none"]
    done = subprocess.run(
        [str(programs / "openapi-python-client"), *generate, "--fail-on-warning"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},  # it formats with our ruff
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.installation
def test_every_operation_is_in_the_client(generated: Path) -> None:
    operations = DOCUMENT.read_text().count("operationId:")
    modules = [path for path in (generated / PACKAGE / "api").glob("*/*.py") if path.name != "__init__.py"]
    assert len(modules) == operations > 20


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_sync_and_what_it_brought(generated: Path, stack: Stack, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(generated)
    with importlib.import_module(f"{PACKAGE}.client").AuthenticatedClient(
        base_url=stack.pages_url, token=token, raise_on_unexpected_status=True
    ) as client:
        _sync_and_look(client, stack)


def _sync_and_look(client: Any, stack: Stack) -> None:
    [ad_account] = _asked(client, "ad_accounts.ad_accounts_list").results
    assert ad_account.id == stack.ad_account_ids[0]

    wish = _model("StartRequest")(force=True)
    started = _asked(client, "ad_accounts.ad_accounts_sync_create", ad_account.id, body=wish)
    assert started.reason == ""
    assert _finished(client, started.run.id).status == "success"

    yesterday = stack.now.date() - timedelta(days=1)
    days = {"first_day": yesterday, "last_day": yesterday}
    report = _asked(
        client, "reports.reports_performance_retrieve", ad_account_id=str(ad_account.id), metrics="spend", **days
    )
    [total] = report.totals
    assert total.currency == ad_account.currency
    assert Decimal(total.figures.spend) == _true_spend(stack, ad_account.id, yesterday) > 0
    assert report.complete_through >= yesterday
    of_the_day = {"ad_account_id": [ad_account.id], "date_from": yesterday, "date_to": yesterday}
    part = _asked(client, "campaign_metrics.campaign_metrics_list", **of_the_day, fields="date,spend").results
    assert {row.date for row in part} == {yesterday}
    rows = _asked(client, "campaign_metrics.campaign_metrics_list", **of_the_day).results
    assert sum(Decimal(row.spend) for row in rows) == Decimal(total.figures.spend)


def _asked(client: Any, operation: str, *arguments: Any, **parameters: Any) -> Any:
    module = importlib.import_module(f"{PACKAGE}.api.{operation}")
    return module.sync(*arguments, client=client, **parameters)


def _model(name: str) -> Any:
    return getattr(importlib.import_module(f"{PACKAGE}.models"), name)


def _finished(client: Any, run_id: int) -> Any:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        run = _asked(client, "sync_logs.sync_logs_retrieve", run_id)
        if run.finished_at:
            return run
        time.sleep(0.2)
    raise AssertionError(f"run {run_id} does not end: {run}")


def _true_spend(stack: Stack, ad_account_id: int, day: date) -> Decimal:
    """What the simulated LinkedIn itself counts."""
    twin = Simulator(Options(size=stack.world, now=stack.now, frozen=True))
    rows = truth(twin, ad_account_id, day, day)["campaign_daily_metrics"]
    return sum((row["spend"] for row in rows), Decimal(0))
