"""What stands in the log, and what never does."""

import io
import json
import logging
from typing import Any

import pytest
import structlog
from celery.signals import before_task_publish
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from config import logs
from config.celery import _pass_on_request
from ingestion.sync.request_pool import Job, Jobs, RequestPool

SECRET = "AQX-secret-token"


@pytest.fixture(autouse=True)
def _nothing_is_bound():
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def said():
    """Lines as the given format writes them, from a logger of its own."""
    output = io.StringIO()
    logger = logging.getLogger("tests.lines")
    logger.setLevel(logging.INFO)
    logger.propagate = False

    def in_format(line_format: str) -> io.StringIO:
        handler = logging.StreamHandler(output)
        handler.setFormatter(logs.line_formatter(line_format))
        logger.handlers = [handler]
        return output

    yield in_format
    logger.handlers = []
    logger.propagate = True


@pytest.fixture
def requests_said():
    """Lines of `config.logs` and django-structlog, as JSON objects."""
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(logs.line_formatter("json"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in output.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


def log_a_failure(logger: Any) -> None:
    token = SECRET
    try:
        len(token) / 0
    except ZeroDivisionError:
        logger.exception("It failed for %s", "ad account 7")


def test_a_line_of_the_standard_library_is_json_with_what_is_bound(said):
    output = said("json")
    with structlog.contextvars.bound_contextvars(request_id="abc", run_id=7, ad_account_id=12):
        logging.getLogger("tests.lines").warning("Ad account %s is gone", 12)
    line = json.loads(output.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "Ad account 12 is gone", "level": "warning", "logger": "tests.lines",
        "request_id": "abc", "run_id": 7, "ad_account_id": 12,
    }  # fmt: skip


def test_a_line_of_structlog_is_json_too(said):
    output = said("json")
    structlog.get_logger("tests.lines").info("request_finished", code=200)
    line = json.loads(output.getvalue())
    assert (line["event"], line["code"], line["logger"], line["level"]) == (
        "request_finished", 200, "tests.lines", "info"
    )  # fmt: skip


def test_an_exception_is_fields_without_the_values_of_variables(said):
    output = said("json")
    log_a_failure(logging.getLogger("tests.lines"))
    line = json.loads(output.getvalue())
    assert line["event"] == "It failed for ad account 7"
    assert line["exception"][0]["exc_type"] == "ZeroDivisionError"
    assert line["exception"][0]["frames"][-1]["name"] == "log_a_failure"
    assert SECRET not in output.getvalue()


def test_text_is_one_line_with_level_and_what_is_bound(said):
    output = said("text")
    with structlog.contextvars.bound_contextvars(run_id=7):
        logging.getLogger("tests.lines").warning("Ad account %s is gone", 12)
    (line,) = output.getvalue().splitlines()
    assert "[warning]" in line
    assert "Ad account 12 is gone" in line
    assert "run_id=7" in line
    assert "\x1b" not in line


def test_a_traceback_in_text_is_a_plain_one(said):
    output = said("text")
    log_a_failure(structlog.get_logger("tests.lines"))
    assert "ZeroDivisionError" in output.getvalue()
    assert "len(token) / 0" in output.getvalue()
    assert SECRET not in output.getvalue()


def test_a_request_has_one_line_with_its_path_and_never_its_query(db, requests_said):
    answer = Client().get("/linkedin/callback/?code=SECRET-CODE&state=x", headers={"user-agent": "browser"})
    finished = [line for line in requests_said() if line["event"] == "request_finished"]
    (line,) = finished
    assert line["request"] == "GET /linkedin/callback/"
    assert line["code"] == answer.status_code
    assert line["duration_ms"] >= 0
    assert line["request_id"] == answer["X-Request-ID"]
    assert "SECRET-CODE" not in json.dumps(requests_said())


def test_a_line_says_who_asked(as_alice, alice, requests_said):
    as_alice.get("/admin/")
    lines = [line for line in requests_said() if line["event"] == "request_finished"]
    assert lines[-1]["user_id"] == alice.pk


def test_the_id_a_proxy_gave_is_kept(db, requests_said):
    given = "0af7651916cd43dd8448eb211c80319c"
    answer = Client().get("/admin/login/", headers={"x-request-id": given})
    assert answer["X-Request-ID"] == given
    assert requests_said()[-1]["request_id"] == given


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "forged\nline of a log", 'quote"s and spaces', "<script>1"])
def test_an_id_that_is_none_is_replaced(db, given, requests_said):
    answer = Client().get("/admin/login/", headers={"x-request-id": given})
    assert answer["X-Request-ID"] != given
    assert len(answer["X-Request-ID"]) == 36
    assert "forged" not in json.dumps(requests_said())


def test_a_host_that_is_not_ours_is_answered_with_an_id_too(db):
    answer = Client(headers={"host": "evil.example"}).get("/admin/login/")
    assert answer.status_code == 400
    assert answer["X-Request-ID"]


def test_a_request_that_fails_has_one_traceback_and_an_answer_with_its_id(rf: RequestFactory, requests_said):
    def view(request: HttpRequest) -> HttpResponse:
        try:
            raise ValueError("broken")
        except ValueError:
            got_request_exception.send(sender=None, request=request)
            logging.getLogger("django.request").error("Internal Server Error: /x", exc_info=True)
            return HttpResponse(status=500)

    answer = logs.RequestLines(view)(rf.get("/x?code=SECRET"))
    assert isinstance(answer, HttpResponse)
    lines = [line for line in requests_said() if "exception" in line]
    assert [line["event"] for line in lines] == ["request_failed"]
    assert lines[0]["request_id"] == answer["X-Request-ID"]
    assert lines[0]["exception"][0]["exc_value"] == "broken"


def test_nothing_of_one_request_is_on_the_lines_of_the_next(db, requests_said):
    Client().get("/admin/login/")
    assert structlog.contextvars.get_contextvars() == {}


def test_a_task_carries_who_asked_and_nothing_else():
    context = {"request_id": "abc", "user_id": 1, "ip": "192.0.2.7", "run_id": 7, "parent_task_id": "t"}
    _pass_on_request(context=context)
    assert context == {"request_id": "abc", "user_id": 1, "parent_task_id": "t"}


def test_a_task_is_sent_with_the_request_it_came_from():
    headers: dict[str, Any] = {}
    with structlog.contextvars.bound_contextvars(request_id="abc", ip="192.0.2.7"):
        before_task_publish.send(sender="a.task", headers=headers, body={}, properties={}, routing_key="celery")
    assert headers["__django_structlog__"] == {"request_id": "abc"}


def test_requests_side_by_side_are_logged_for_their_run():
    bound = []
    job = Job(ask=structlog.contextvars.get_contextvars, then=bound.append, failed=lambda error: None)
    request_pool = RequestPool(concurrency=2, while_waiting=lambda: None, wait_seconds=1)
    with structlog.contextvars.bound_contextvars(run_id=7):
        request_pool.run([Jobs([job, job])])
    assert bound == [{"run_id": 7}, {"run_id": 7}]
