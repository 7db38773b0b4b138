"""The client over real sockets, with a clock that moves only when it waits."""

import gzip
import logging
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from ingestion.linkedin import errors
from ingestion.linkedin.answers import FailedCall
from ingestion.linkedin.client import FRESH_TOKEN_PAUSE_SECONDS, MAX_QUERY_BYTES, LinkedInClient, StaticToken
from tests.ingestion.linkedin.loopback import TOKEN, Reply, as_json, make_client, sample

OK = as_json({"elements": []})


def refusal(name, **headers):
    return Reply(int(name.split("_")[1]), sample(name), {k.replace("_", "-"): v for k, v in headers.items()})


class Tokens:
    """Gives `tokens` one after the other; a renewal past the last one is refused."""

    def __init__(self, *tokens):
        self.tokens = list(tokens)
        self.rejected = []

    def current(self):
        return self.tokens[0]

    def renew(self, rejected):
        self.rejected.append(rejected)
        if len(self.tokens) == 1:
            return self.tokens[0]
        self.tokens.pop(0)
        return self.tokens[0]


def test_get_sends_the_target_untouched_and_the_headers_linkedin_asks_for(client, script):
    script.answer(OK)
    query = "q=x&ids=List(urn%3Ali%3Aa%3A1,b)&dateRange=(start:(year:2026))&empty=''&fields=a,b(c)"
    assert client.get("/rest/x/urn%3Ali%3Ac%3A2", query, headers={"X-RestLi-Method": "FINDER"}) == OK.body
    request = script.requests[0]
    assert request.target == f"/rest/x/urn%3Ali%3Ac%3A2?{query}"
    assert request.method == "GET"
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["linkedin-version"] == "202607"
    assert headers["x-restli-protocol-version"] == "2.0.0"
    assert headers["x-restli-method"] == "FINDER"
    assert "gzip" in headers["accept-encoding"]


def test_get_tunnels_only_a_query_that_is_too_long(client, script):
    script.answer(OK)
    fits = "q=" + "a" * (MAX_QUERY_BYTES - 2)
    client.get("/rest/x", fits)
    client.get("/rest/x", fits + "(")
    short, long = script.requests
    assert (short.method, short.target, short.body) == ("GET", f"/rest/x?{fits}", b"")
    assert (long.method, long.target, long.body) == ("POST", "/rest/x", f"{fits}(".encode())
    assert long.headers["X-HTTP-Method-Override"] == "GET"
    assert long.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "X-HTTP-Method-Override" not in short.headers


def test_get_unpacks_gzip(client, script):
    script.answer(Reply(200, gzip.compress(b'{"a": 1}'), {"Content-Encoding": "gzip"}))
    assert client.get("/rest/x") == b'{"a": 1}'


def test_get_keeps_our_token_when_netrc_has_another(client, script, base_url, tmp_path, monkeypatch):
    """requests replaces an Authorization header by what ~/.netrc says of the host."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password eve\ndefault login eve password eve\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth(base_url) is not None
    script.answer(OK)
    client.get("/rest/x")
    assert script.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_get_keeps_no_cookie(client, script):
    script.answer(Reply(200, b"{}", {"Set-Cookie": "lidc=abc; Path=/"}))
    client.get("/rest/x")
    client.get("/rest/x")
    assert "Cookie" not in script.requests[1].headers


def test_get_does_not_follow_a_redirect(client, script, base_url):
    script.answer(Reply(302, b"", {"Location": f"{base_url}/elsewhere"}))
    with pytest.raises(errors.UnexpectedResponse, match="302"):
        client.get("/rest/x")
    assert client.calls_made == 1


@pytest.mark.parametrize("name", ["error_400_field_invalid", "error_403_access_denied", "error_404_not_found",
                                  "error_426_version_sunset", "error_429_day_throttle_member"])  # fmt: skip
def test_get_does_not_repeat_what_would_fail_again(client, script, clock, name):
    script.answer(refusal(name))
    with pytest.raises(errors.LinkedInError):
        client.get("/rest/x")
    assert (client.calls_made, clock.waits) == (1, [])


BROKEN = {
    "500": refusal("error_500_internal"),
    "503": refusal("error_503_maintenance"),
    "500 in HTML": Reply(500, b"<html>Oops</html>", {"Content-Type": "text/html"}),
    "408": Reply(408, b""),
    "reset": Reply(reset=True),
    "short of its length": Reply(200, b'{"elements": []', declared=5000),
    "cut between chunks": Reply(200, b'{"elements": []}', chunked=True, cut=True),
    "half a document": Reply(200, b'{"elements": [{"id": 1'),
    "empty": Reply(200, b""),
    "not gzip": Reply(200, b"{}", {"Content-Encoding": "gzip"}),
    "HTML": Reply(200, b"<html></html>"),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_get_repeats_a_broken_answer(client, script, clock, broken):
    script.answer(broken, broken, OK)
    assert client.get("/rest/x") == OK.body
    assert client.calls_made == 3
    assert clock.waits == [0.5, 1.0]


@pytest.mark.parametrize(
    "broken", [BROKEN["500"], BROKEN["reset"], BROKEN["short of its length"], BROKEN["cut between chunks"]]
)
def test_get_ends_at_its_deadline(client, script, clock, broken):
    script.answer(broken)
    with pytest.raises(errors.Unavailable):
        client.get("/rest/x")
    assert clock.waits[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert 840 < sum(clock.waits) < 900


@pytest.mark.parametrize(
    ("broken", "kind_of_error"),
    [(BROKEN["half a document"], errors.Unavailable), (BROKEN["HTML"], errors.UnexpectedResponse)],
)
def test_get_repeats_what_is_no_json_only_a_few_times(client, script, broken, kind_of_error):
    script.answer(broken)
    with pytest.raises(kind_of_error):
        client.get("/rest/x")
    assert client.calls_made == 5


def test_get_gives_up_on_an_answer_that_never_comes(base_url, script, clock):
    released = threading.Event()

    def stall(request):
        released.wait(5)
        return OK

    script.answer(stall, OK)
    with make_client(base_url, clock, timeout_seconds=(1, 0.2)) as client:
        # A second is the least time-out, so that a call near its deadline still has a chance.
        assert client.get("/rest/x") == OK.body
        assert client.calls_made == 2
    released.set()


def test_get_waits_as_long_as_retry_after_says(client, script, clock):
    script.answer(refusal("error_429_legacy", Retry_After="17"), OK)
    assert client.get("/rest/x") == OK.body
    assert clock.waits == [17]


def test_get_says_how_long_to_wait_when_that_is_past_its_deadline(client, script, clock):
    script.answer(refusal("error_429_legacy", Retry_After="5000"))
    with pytest.raises(errors.RateLimited) as caught:
        client.get("/rest/x")
    assert caught.value.retry_after_seconds == 5000
    assert clock.waits == []


def test_get_waits_330_seconds_at_the_data_limit(client, script, clock):
    script.answer(refusal("error_429_analytics_data_limit"), OK)
    client.get("/rest/x")
    assert clock.waits == [330]


def test_get_slows_down_at_a_throttle_without_a_header(client, script, clock):
    script.answer(refusal("error_429_legacy"))
    with pytest.raises(errors.RateLimited):
        client.get("/rest/x")
    assert clock.waits[:6] == [3.75, 7.5, 15, 30, 45, 45]
    assert sum(clock.waits) < 900


class RecordingBudget:
    """Notes who enters and leaves; refuses where it is told to."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def enter(self, wait: Callable[[float], None], resource: str) -> str:
        self.events.append("enter")
        return "place"

    def leave(self, place: str, failure: FailedCall | None) -> None:
        assert place == "place"
        self.events.append(failure and (type(failure.error), failure.wait_seconds))


def test_every_request_enters_and_leaves_the_budget(base_url, script, clock):
    budget = RecordingBudget()
    script.answer(refusal("error_429_legacy"), refusal("error_500_internal"), OK)
    with make_client(base_url, clock, budget=budget) as client:
        client.get("/rest/x")
    left = [event for event in budget.events if event != "enter"]
    assert budget.events.count("enter") == 3
    assert left == [(errors.RateLimited, None), (errors.Unavailable, None), None]


def test_waiting_for_the_budget_does_not_use_up_the_deadline(base_url, script, clock):
    class Slow(RecordingBudget):
        def enter(self, wait: Callable[[float], None], resource: str) -> str:
            wait(3_600)
            return super().enter(wait, resource)

    script.answer(refusal("error_500_internal"), OK)
    with make_client(base_url, clock, budget=Slow(), deadline_seconds=60) as client:
        assert client.get("/rest/x") == OK.body


def test_get_renews_a_rejected_token_once(base_url, script, clock):
    tokens = Tokens("AQold", "AQnew")
    script.answer(refusal("error_401_expired_token"), OK)
    with make_client(base_url, clock, tokens=tokens) as client:
        assert client.get("/rest/x") == OK.body
    assert [request.headers["Authorization"] for request in script.requests] == [
        "Bearer AQold",
        "Bearer AQnew",
    ]
    assert (tokens.rejected, clock.waits) == (["AQold"], [])


def test_get_gives_a_brand_new_token_half_a_minute(base_url, script, clock):
    rejected = refusal("error_401_revoked_token")
    script.answer(rejected, rejected, OK)
    with make_client(base_url, clock, tokens=Tokens("AQold", "AQnew")) as client:
        assert client.get("/rest/x") == OK.body
    assert clock.waits == [FRESH_TOKEN_PAUSE_SECONDS]


def test_get_gives_up_after_a_renewed_token_is_rejected_twice(base_url, script, clock):
    script.answer(refusal("error_401_revoked_token"))
    with (
        make_client(base_url, clock, tokens=Tokens("AQold", "AQnew")) as client,
        pytest.raises(errors.TokenRejected, match="was revoked"),
    ):
        client.get("/rest/x")
    assert (client.calls_made, clock.waits) == (3, [30])


def test_get_pauses_once_when_there_is_no_newer_token(base_url, script, clock):
    script.answer(refusal("error_401_revoked_token"))
    with (
        make_client(base_url, clock, tokens=Tokens("AQonly")) as client,
        pytest.raises(errors.TokenRejected),
    ):
        client.get("/rest/x")
    assert (client.calls_made, clock.waits) == (2, [30])


def test_get_gives_up_at_once_with_a_token_that_cannot_be_renewed(client, script, clock):
    script.answer(refusal("error_401_expired_token"))
    with pytest.raises(errors.TokenRejected):
        client.get("/rest/x")
    assert (client.calls_made, clock.waits) == (1, [])


@pytest.mark.parametrize("token", ["AQ\nX-Evil: 1", "AQ\r\n", " ", "", "AQ…"])
def test_get_refuses_a_damaged_token_before_a_library_prints_it(base_url, clock, token):
    with (
        make_client(base_url, clock, tokens=StaticToken(token)) as client,
        pytest.raises(errors.TokenRejected) as caught,
    ):
        client.get("/rest/x")
    assert "AQ" not in str(caught.value)
    assert client.calls_made == 0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_get_ends_soon_when_the_connection_is_refused(clock):
    with (
        make_client(f"http://127.0.0.1:{free_port()}", clock) as client,
        pytest.raises(errors.Unavailable, match=r"127\.0\.0\.1 refuses the connection") as caught,
    ):
        client.get("/rest/x")
    assert client.calls_made == 3
    assert sum(clock.waits) < 10
    assert "LINKEDIN_API_BASE_URL" in caught.value.remedy


def test_get_names_the_host_that_cannot_be_resolved(clock, monkeypatch):
    def fail(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with (
        make_client("https://api.linkedin.invalid", clock) as client,
        pytest.raises(errors.Unavailable, match=r"api\.linkedin\.invalid could not be resolved") as caught,
    ):
        client.get("/rest/x")
    assert client.calls_made == 3
    assert "LINKEDIN_API_BASE_URL" in caught.value.remedy


def test_get_says_when_a_host_does_not_speak_tls(base_url, script, clock):
    script.answer(OK)
    with (
        make_client(base_url.replace("http:", "https:"), clock) as client,
        pytest.raises(errors.Unavailable) as caught,
    ):
        client.get("/rest/x")
    assert "127.0.0.1" in str(caught.value)


@pytest.mark.parametrize("address", ["api.linkedin.com", "ftp://api.linkedin.com", "http://", "http://a b/"])
def test_get_refuses_an_address_that_is_none(clock, address):
    with make_client(address, clock) as client, pytest.raises(errors.Unavailable) as caught:
        client.get("/rest/x")
    assert client.calls_made <= 3
    assert "LINKEDIN_API_BASE_URL" in caught.value.remedy


def test_get_names_a_certificate_file_that_is_missing(clock, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/certificates.pem")
    with (
        make_client("https://127.0.0.1:1", clock) as client,
        pytest.raises(errors.Unavailable, match="REQUESTS_CA_BUNDLE"),
    ):
        client.get("/rest/x")
    assert clock.waits == []


def test_calls_made_is_exact_from_eight_threads(base_url, script, clock):
    with make_client(base_url, clock, concurrency=8) as client, ThreadPoolExecutor(8) as pool:
        script.answer(OK)
        bodies = list(pool.map(lambda number: client.get("/rest/x", f"n={number}"), range(200)))
        assert bodies == [OK.body] * 200
        assert client.calls_made == 200
    assert sorted(request.target for request in script.requests) == sorted(f"/rest/x?n={n}" for n in range(200))


def test_cancel_ends_a_wait_and_refuses_further_calls(base_url, script):
    script.answer(refusal("error_429_analytics_data_limit"))
    client = LinkedInClient(base_url=base_url, version="202607", tokens=StaticToken(TOKEN))
    with client, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.get, "/rest/x")
        while not client.calls_made or not script.requests:
            time.sleep(0.01)
        client.cancel()
        with pytest.raises(errors.ClientCancelled):
            waiting.result(timeout=5)
        with pytest.raises(errors.ClientCancelled):
            client.get("/rest/x")
    assert client.calls_made == 1


def test_close_leaves_a_session_open_that_was_handed_in(base_url, script, clock):
    script.answer(OK)
    with requests.Session() as session:
        for _ in range(2):
            with make_client(base_url, clock, session=session) as client:
                client.get("/rest/x")


def test_the_token_appears_in_no_log_message_or_repr(base_url, script, clock, caplog):
    caplog.set_level(logging.DEBUG)
    leaky = Reply(400, b'{"message": "token ' + TOKEN.encode() + b' is bad"}')
    tokens = StaticToken(TOKEN)
    shown = [repr(tokens)]
    for reply in (leaky, *BROKEN.values(), refusal("error_401_expired_token"), refusal("error_429_legacy")):
        script.answer(reply)
        with make_client(base_url, clock, tokens=tokens, deadline_seconds=3) as client:
            with pytest.raises(errors.LinkedInError) as caught:
                client.get("/rest/x", "q=" + "a" * 5000)
            shown += [repr(client), str(caught.value), repr(caught.value), caught.value.remedy]
            # A chained exception of requests would bring the request and its headers along.
            assert caught.value.__context__ is None
    assert caplog.records
    logged = [f"{record.getMessage()} {record.args} {record.__dict__}" for record in caplog.records]
    assert not [text for text in [*shown, *logged] if TOKEN in text]


def test_a_retry_is_logged_with_path_status_and_request_id_but_without_the_query(client, script, caplog):
    caplog.set_level(logging.INFO, logger="ingestion.linkedin")
    script.answer(refusal("error_500_internal", X_LI_UUID="AAX1"), OK)
    client.get("/rest/x", "q=hidden")
    assert caplog.messages == ["/rest/x: Unavailable (status 500, request id AAX1), trying again in 0.5 s"]
