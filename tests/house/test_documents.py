"""The documents and the code say the same."""

import json
import os
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import BaseCommand, get_commands, load_command_class

from accounts.models import AuditEvent
from benchmarks import scaling
from config.env import Environment
from reporting.operations.documents import WRITERS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
OURS = ("accounts", "ingestion", "reporting")
ROOMS = (*OURS, "config", "templates", "tests", "deploy", "benchmarks")
MODELS = [model for app in OURS for model in apps.get_app_config(app).get_models() if not model._meta.proxy]


def read(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.db_table)
def test_every_table_is_documented_column_by_column(model):
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", read("docs/tables.md"), re.MULTILINE | re.DOTALL))
    documented = set(re.findall(r"^\| `(\w+)`", sections[model._meta.db_table], re.MULTILINE))
    assert documented == {field.column for field in model._meta.concrete_fields}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.db_table)
def test_every_table_says_which_columns_hold_personal_data(model):
    assert model.personal_data <= {field.column for field in model._meta.concrete_fields}


@pytest.mark.parametrize("name", WRITERS)
def test_what_documents_say_of_metrics_is_what_the_catalogue_says(name):
    assert read(f"docs/{name}") == WRITERS[name](read(f"docs/{name}")), "run `make openapi`"


def test_every_kind_of_audit_event_is_documented():
    section = read("docs/tables.md").split("## audit_events")[1].split("\n## ")[0]
    documented = re.findall(r"`(\w+)`", section.split("Kinds:")[1])
    assert sorted(documented) == sorted(AuditEvent.Kind.values)


def test_the_seven_tables_have_their_names():
    seven = {
        "ad_accounts",
        "campaigns",
        "creatives",
        "campaign_daily_metrics",
        "creative_daily_metrics",
        "audience_demographics",
        "sync_log",
    }
    assert seven <= {model._meta.db_table for model in MODELS}


def test_every_command_is_in_the_readme():
    ours = {name for name, app in get_commands().items() if app in OURS}
    assert ours
    assert not {name for name in ours if f"`manage.py {name}" not in read("README.md")}


def test_every_setting_is_explained_in_the_example():
    explained = re.findall(r"^([A-Z_]+)=", read(".env.example"), re.MULTILINE)
    assert sorted(explained) == sorted(Environment.model_fields.keys() - {"EMBEDDED_THROW_AWAY"})


def test_every_variable_that_is_read_is_used():
    assert set(re.findall(r"\benv\.([A-Z_]+)", read("config/settings.py"))) == Environment.model_fields.keys()


def test_the_example_shows_the_defaults(monkeypatch):
    for name in Environment.model_fields:
        monkeypatch.delenv(name, raising=False)
    defaults = Environment.read()
    monkeypatch.setattr(os, "environ", {"ENV_FILE": ".env.example"})
    assert Environment.read() == defaults


def test_every_alert_says_what_it_means_and_what_to_do():
    page = read("docs/operations.md")
    alerts = re.findall(r"alert: (\w+)", page)
    assert alerts
    assert re.findall(r"^\| ([A-Z]\w+) \| [^|]{10,} \| [^|]{10,} \|$", page, re.MULTILINE) == alerts


def test_the_changelog_is_about_the_version_in_use(settings):
    newest = re.search(r"^## (.*)$", read("CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert settings.PRODUCT_VERSION in newest[1]


def test_every_requirement_says_why():
    for name in ("requirements/base.in", "requirements/dev.in"):
        for line in read(name).splitlines():
            assert not line or line.startswith(("#", "-r ")) or re.search(r"\s# \w", line), line


def test_every_make_target_is_listed_by_bare_make():
    makefile = read("Makefile")
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert targets
    listed = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    assert listed == set(targets[1].split())


def anchors(page: Path) -> set[str]:
    """What headings are called in addresses, as GitHub makes it of them."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page):
    for link in re.findall(r"\]\((?!https?:)([^)]+)", page.read_text()):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_exists(page):
    """Whoever moves a file finds the documents that name it."""
    named = re.findall(rf"`((?:{'|'.join(ROOMS)})/[\w./-]*)`", page.read_text())
    assert not [name for name in named if not (ROOT / name).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_told_exists_and_takes_its_options(page):
    text = page.read_text()
    for name, rest in re.findall(r"\bmanage\.py (\w+)([^`\n|&]*)", text):
        assert name in get_commands(), name
        told = set(re.findall(r"(?<![\w-])--[a-z-]+", rest))
        assert told <= options_of(name), (name, told - options_of(name))
    for module in re.findall(r"\bpython -m (benchmarks(?:\.\w+)?)", text):
        assert find_spec(module), module
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    assert {name for _, name in re.findall(r"(`|^ {4})make ([a-z-]+)", text, re.MULTILINE)} <= targets


def options_of(command: str) -> set[str]:
    app = get_commands()[command]
    parser = (app if isinstance(app, BaseCommand) else load_command_class(app, command)).create_parser("", command)
    return set(re.findall(r"--[a-z-]+", parser.format_help()))


def test_the_arithmetic_of_scaling_is_what_the_command_prints():
    told = "\n".join(scaling.table([10, 1_000, 100_000], scaling.Inputs()))
    assert told in read("docs/scaling.md")


def test_what_questions_cost_is_what_the_report_says():
    page = read("docs/reading.md").split("## Cost of exports")[0]
    [report] = re.findall(r"\(benchmarks/(\S+)\.txt\)", page)
    figures = json.loads(read(f"docs/benchmarks/{report}.json"))["figures"]["reading"]
    measured = {one["name"]: one["value"] for one in figures}
    told = re.findall(r"^\| (.+) \| ([\d.]+) ms \| ([\d.]+) ms \|$", page, re.MULTILINE)
    assert told
    for question, one, forty in told:
        assert (float(one), float(forty)) == (measured[f"one: {question}"], measured[f"all: {question}"]), question
