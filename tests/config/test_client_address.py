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


@pytest.mark.parametrize(
    ("peer", "is_believed"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("fd00::7", True),
        # Through a socket of this machine.
        ("", True),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("unknown", False),
    ],
)
def test_only_the_networks_of_the_proxy_are_believed(settings, peer, is_believed):
    settings.BEHIND_PROXY, settings.PROXY_NETWORKS = True, ["10.0.0.0/8", "fd00::/8"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    request = RequestFactory(REMOTE_ADDR=peer).get("/", headers=headers)
    ClientAddressMiddleware(lambda _: HttpResponse())(request)
    assert request.is_secure() is is_believed
    assert request.META["REMOTE_ADDR"] == ("203.0.113.9" if is_believed else peer)
    assert ("X-Forwarded-For" in request.headers) is is_believed
