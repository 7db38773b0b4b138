"""The API's errors, from views that fail in every way, through real requests."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client
from django.urls import path
from rest_framework import serializers
from rest_framework.exceptions import APIException, NotFound, Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.urls import urlpatterns as real


class Day(serializers.Serializer[Any]):
    on = serializers.DateField()


class Question(serializers.Serializer[Any]):
    since = serializers.DateField()
    days = Day(many=True, required=False)

    def validate(self, attrs: Any) -> Any:
        raise serializers.ValidationError("The days do not fit together.")


class Fails(APIView):
    permission_classes = (AllowAny,)

    def get(self, request: Request, how: str) -> Response:
        raise {
            "missing": Http404("No such thing."),
            "gone": NotFound("This run is not here."),
            "denied": PermissionDenied("Not yours."),
            "throttled": Throttled(wait=41.2),
            "remedied": _Remedied("LinkedIn is not connected."),
            "bug": ZeroDivisionError("a bug"),
        }[how]

    def post(self, request: Request, how: str) -> Response:
        Question(data=request.data).is_valid(raise_exception=True)
        return Response()


class _Remedied(APIException):
    status_code = 409
    remedy = "Connect LinkedIn."


urlpatterns = [path("fails/<str:how>", Fails.as_view()), *real]
pytestmark = [pytest.mark.urls("tests.config.test_rest"), pytest.mark.django_db]


def error(response: Any, status: int) -> tuple[str, str, str | None, str]:
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    said = response.json()
    assert list(said) == ["type", "title", "status", "detail", "instance", "field", "remedy"]
    assert (said["status"], said["instance"]) == (status, response.request["PATH_INFO"])
    where, kind = said["type"].split("#")
    assert Client().get(where).json()[kind]["title"] == said["title"]
    return kind, said["detail"], said["field"], said["remedy"]


def test_what_is_missing_is_404(client: Client) -> None:
    remedy = "Check the address; an ad account that you may not see is not found either."
    assert error(client.get("/fails/missing"), 404) == ("not_found", "No such thing.", None, remedy)
    assert error(client.get("/fails/gone"), 404) == ("not_found", "This run is not here.", None, remedy)


@pytest.mark.parametrize("address", ["/api/", "/api/v1/nothing", "/api/v1/me/", "/api/v9/me"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_address_that_does_not_exist_is_answered_like_the_api(client: Client, address: str, method: str) -> None:
    assert error(getattr(client, method)(address), 404)[:2] == ("not_found", "There is no such endpoint.")


def test_what_is_denied_is_403(client: Client) -> None:
    kind, message, field, remedy = error(client.get("/fails/denied"), 403)
    assert (kind, message, field) == ("permission_denied", "Not yours.", None)
    assert "Ask an owner" in remedy


def test_too_much_is_429_and_says_when(client: Client) -> None:
    response = client.get("/fails/throttled")
    assert error(response, 429)[0::3] == ("throttled", "Wait 42 s and send it again.")
    assert response["Retry-After"] == "42"


def test_an_error_may_name_its_own_remedy(client: Client) -> None:
    assert error(client.get("/fails/remedied"), 409) == (
        "conflict",
        "LinkedIn is not connected.",
        None,
        "Connect LinkedIn.",
    )


def test_a_bug_is_no_answer_of_the_api(client: Client) -> None:
    with pytest.raises(ZeroDivisionError):
        client.get("/fails/bug")


@pytest.mark.parametrize(
    ("body", "message", "field"),
    [
        ({}, "This field is required.", "since"),
        ({"since": "2026-11-20", "days": [{"on": "2026-11-20"}, {}]}, "This field is required.", "days.1.on"),
        ({"since": "2026-11-20"}, "The days do not fit together.", None),
        ([], "Send a JSON object, with fields and their values.", None),
    ],
)
def test_what_is_invalid_is_400_and_names_the_field(client: Client, body: Any, message: str, field: str | None) -> None:
    response = client.post("/fails/x", body, content_type="application/json")
    assert error(response, 400) == ("invalid", message, field, "Correct the request and send it again.")


def test_json_that_is_none_is_400(client: Client) -> None:
    kind, message, field, _ = error(client.post("/fails/x", "{", content_type="application/json"), 400)
    assert (kind, field) == ("invalid", None)
    assert message == "The body is not valid JSON; see line 1, column 2."


def test_another_format_is_415(client: Client) -> None:
    response = client.post("/fails/x", "<a/>", content_type="text/xml")
    assert error(response, 415)[0::3] == ("unsupported_media_type", "Send application/json.")


def test_another_method_is_405(client: Client) -> None:
    assert error(client.delete("/fails/x"), 405)[0::3] == (
        "method_not_allowed",
        "Use one of GET, POST, HEAD, OPTIONS.",
    )
