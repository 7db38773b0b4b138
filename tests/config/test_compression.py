"""What is compressed, for whom, and what its length gives away."""

import gzip
import io
import secrets
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.management import call_command
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from whitenoise.middleware import WhiteNoiseMiddleware

from config.compression import CompressionMiddleware
from tests.builders import make_ad_account, make_campaign

TEXT = b"campaign,clicks,spend\n" * 200
TYPES = [
    "text/html; charset=utf-8", "text/csv; charset=utf-8", "text/plain", "text/javascript", "image/svg+xml",
    "application/json", "application/problem+json", "application/x-ndjson; charset=utf-8", "application/javascript",
    "application/vnd.oai.openapi; charset=utf-8", "application/vnd.oai.openapi+json", "application/yaml",
    "application/xml",
]  # fmt: skip
PACKED = [
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/vnd.apache.parquet",
    "application/gzip", "application/zip", "application/x-tar", "application/octet-stream", "image/png", "font/woff2",
    "",
]  # fmt: skip


def answer(response: HttpResponseBase, **headers: str) -> Any:
    request = RequestFactory().get("/", headers={"accept-encoding": "gzip, deflate, br"} | headers)
    return CompressionMiddleware(lambda _: response)(request)


def whole(content_type: str = "text/html") -> HttpResponse:
    return HttpResponse(TEXT, content_type=content_type)


def streamed(content_type: str = "text/csv") -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([TEXT[:1000], TEXT[1000:]]), content_type=content_type)


def file(content_type: str = "application/json") -> FileResponse:
    return FileResponse(io.BytesIO(TEXT), content_type=content_type)


@pytest.mark.parametrize("make", [whole, streamed, file])
@pytest.mark.parametrize("content_type", TYPES)
def test_text_is_compressed_however_it_is_sent(make: Any, content_type: str) -> None:
    response = answer(make(content_type))
    body = response.getvalue() if response.streaming else response.content
    assert response["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in response["Vary"]
    assert gzip.decompress(body) == TEXT
    assert len(body) < len(TEXT) / 5
    assert response.get("Content-Length", str(len(body))) == str(len(body))


@pytest.mark.parametrize("make", [whole, streamed, file])
@pytest.mark.parametrize("content_type", PACKED)
def test_what_is_compressed_already_is_left_alone(make: Any, content_type: str) -> None:
    response = make("x/x")
    response["Content-Type"] = content_type
    assert_untouched(answer(response))


def assert_untouched(response: Any) -> None:
    assert "Content-Encoding" not in response
    assert (response.getvalue() if response.streaming else response.content) == TEXT


def test_an_encoding_that_a_view_chose_is_left_alone() -> None:
    response = whole()
    response["Content-Encoding"] = "br"
    assert answer(response)["Content-Encoding"] == "br"


def test_part_of_a_file_is_left_alone() -> None:
    """Its bytes are counted in the file as it is."""
    response = HttpResponse(TEXT, content_type="text/csv", status=206)
    response["Content-Range"] = f"bytes 0-{len(TEXT) - 1}/10000"
    assert_untouched(answer(response))


def test_a_file_that_can_be_continued_is_left_alone() -> None:
    """Its ranges and its ETag are those of the file as it is."""
    response = HttpResponse(TEXT, content_type="text/csv")
    response["Accept-Ranges"] = "bytes"
    assert_untouched(answer(response))


@pytest.mark.parametrize(
    "accepted", ["", "identity", "br", "gzip;q=0", "br, gzip;q=0.0, deflate", "gzip; q=0.000", "gzipped"]
)
def test_a_client_that_cannot_read_it_gets_it_plain(accepted: str) -> None:
    response = answer(whole(), **{"accept-encoding": accepted})
    assert_untouched(response)
    assert "Accept-Encoding" in response["Vary"]


@pytest.mark.parametrize("accepted", ["gzip", "br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip;q=0.001", "GZIP;q=1"])
def test_weights_above_0_count(accepted: str) -> None:
    assert answer(whole(), **{"accept-encoding": accepted.lower()})["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("make", [whole, streamed, file])
def test_a_request_that_another_site_caused_shows_no_compressed_length(make: Any, site: str) -> None:
    assert_untouched(answer(make(), **{"sec-fetch-site": site}))


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_persons_own_requests_are_compressed(site: str) -> None:
    assert answer(whole(), **{"sec-fetch-site": site})["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("make", [whole, streamed, file])
def test_the_same_body_has_many_lengths(make: Any) -> None:
    """Between two guesses of a letter the difference is one byte."""
    responses = [answer(make()) for _ in range(50)]
    lengths = {len(one.getvalue() if one.streaming else one.content) for one in responses}
    assert len(lengths) > 15
    assert max(lengths) - min(lengths) > 50


@pytest.mark.parametrize(("etag", "expected"), [('"abc"', 'W/"abc"'), ('W/"abc"', 'W/"abc"')])
def test_a_strong_etag_gets_weak(etag: str, expected: str) -> None:
    response = whole()
    response["ETag"] = etag
    assert answer(response)["ETag"] == expected
    plain = whole()
    plain["ETag"] = etag
    assert answer(plain, **{"accept-encoding": ""})["ETag"] == etag


@pytest.mark.django_db
def test_an_unchanged_list_keeps_the_etag_that_its_client_has(browser: Client) -> None:
    for number in range(20):
        make_ad_account(name=f"Account {number}")
    first = browser.get("/api/v1/ad-accounts")
    assert first["ETag"].startswith('W/"')
    again = browser.get("/api/v1/ad-accounts", headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again["ETag"], again.content) == (304, first["ETag"], b"")
    assert "Accept-Encoding" in again["Vary"]


@given(pieces=st.lists(st.binary(max_size=300), max_size=10))
def test_a_stream_keeps_every_byte(pieces: list[bytes]) -> None:
    response = answer(StreamingHttpResponse(iter(pieces), content_type="text/csv"))
    assert gzip.decompress(response.getvalue()) == b"".join(pieces)


@pytest.mark.django_db
def test_a_stream_is_compressed_while_it_is_made() -> None:
    """Neither is it collected first, nor is its source forgotten when the client goes away."""
    made, closed = 0, False

    def pieces() -> Any:
        nonlocal made, closed
        try:
            for _ in range(1000):
                made += 1
                yield secrets.token_bytes(10_000)
        finally:
            closed = True

    response = answer(StreamingHttpResponse(pieces(), content_type="text/csv"))
    stream = iter(response)
    assert made == 0
    assert sum(len(next(stream)) for _ in range(20)) > 100_000
    assert made < 50
    response.close()
    assert closed


# --- of the product ---


@pytest.fixture
def browser(as_alice: Client) -> Client:
    as_alice.defaults["HTTP_ACCEPT_ENCODING"] = "gzip"
    return as_alice


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    ["/admin/", "/report/", "/api/v1/campaigns", "/api/v1/campaigns?format=csv", "/api/v1/campaigns?format=ndjson",
     "/admin/ingestion/campaign/export/csv/", "/actions/findings.csv", "/no/such/page/"],
)  # fmt: skip
def test_pages_the_api_files_and_errors_are_compressed(browser: Client, path: str) -> None:
    for number in range(20):
        make_campaign(account=make_ad_account(name=f"Account {number}"))
    compressed, plain = browser.get(path), browser.get(path, headers={"accept-encoding": ""})
    assert compressed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in compressed["Vary"]
    assert "Accept-Encoding" in plain["Vary"]
    bodies = [b"".join(one) if one.streaming else one.content for one in (compressed, plain)]
    assert len(gzip.decompress(bodies[0])) > len(bodies[0])
    if "format" in path or path.endswith(("csv", "csv/")):
        assert gzip.decompress(bodies[0]) == bodies[1]


@pytest.mark.django_db
def test_spreadsheets_are_left_alone(browser: Client) -> None:
    response = browser.get("/api/v1/campaigns?format=xlsx")
    assert "Content-Encoding" not in response
    assert b"".join(response).startswith(b"PK")


@pytest.mark.django_db
def test_a_form_has_another_token_each_time(browser: Client) -> None:
    """The secret behind it never stands in a page as it is."""
    pages = [gzip.decompress(browser.get("/snapshots/").content).decode() for _ in range(2)]
    tokens = [page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0] for page in pages]
    assert all(len(token) == 64 for token in tokens)
    assert tokens[0] != tokens[1]


@pytest.mark.django_db
def test_static_files_are_compressed_when_they_are_collected(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT, settings.WHITENOISE_USE_FINDERS = str(tmp_path), False
    call_command("collectstatic", interactive=False, verbosity=0)
    served = WhiteNoiseMiddleware(lambda _: HttpResponse(status=404))
    for path in ("admin/css/base.css", "reporting/pages.css", "reporting/pages.js"):
        request = RequestFactory().get(f"/static/{path}", headers={"accept-encoding": "gzip"})
        response: Any = served(request)
        assert response["Content-Encoding"] == "gzip", path
        assert gzip.decompress(response.getvalue()) == (tmp_path / path).read_bytes()
        assert "Accept-Encoding" in response["Vary"]
        response.close()


def test_addresses_of_static_files_stay(settings: Any) -> None:
    assert StaticFilesStorage().url("reporting/pages.css") == "/static/reporting/pages.css"
