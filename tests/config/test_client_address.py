"""Whose address a request comes from, with and without a proxy in front."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from config.client_address import ClientAddressMiddleware


@pytest.mark.parametrize(
    ("behind_proxy", "forwarded_for", "address"),
    [
        (False, "203.0.113.9", "10.0.0.1"),
        (True, "203.0.113.9", "203.0.113.9"),
        (True, "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        (True, "2001:db8::1", "2001:db8::1"),
        (True, None, "10.0.0.1"),
        (True, "203.0.113.9, <script>", "10.0.0.1"),
    ],
)
def test_only_a_declared_proxy_is_believed_and_only_its_own_word(settings, behind_proxy, forwarded_for, address):
    settings.BEHIND_PROXY = behind_proxy
    headers = {"X-Forwarded-For": forwarded_for} if forwarded_for else {}
    request = RequestFactory(REMOTE_ADDR="10.0.0.1").get("/", headers=headers)
    response = ClientAddressMiddleware(lambda request: HttpResponse(request.META["REMOTE_ADDR"]))(request)
    assert response.content.decode() == address
