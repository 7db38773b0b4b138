"""A company's OpenID provider over real HTTP: discovery, keys, code flow with PKCE, userinfo; all can be spoilt."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT_ID, CLIENT_SECRET = "the-ads-service", "the-client-secret"
Claims = dict[str, Any]


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


# Made once: it takes a noticeable moment.
KEY, ANOTHER_KEY = _key(), _key()


@dataclass
class Provider:
    """`claims` are what it says about the person who signs in; `spoil_*` change what it sends."""

    url: str = ""
    claims: Claims = field(default_factory=lambda: {"sub": "ada-1", "email": "ada@example.com", "email_verified": True})
    spoil_token: Callable[[Claims], Claims] = lambda claims: claims
    spoil_userinfo: Callable[[Claims], Any] = lambda claims: claims
    spoil_response: Callable[[Claims], Claims] = lambda response: response
    spoil_discovery: Callable[[Claims], Claims] = lambda document: document
    sign: Callable[[Claims], str] = lambda claims: jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": "key-1"})
    keys: list[tuple[str, rsa.RSAPrivateKey]] = field(default_factory=lambda: [("key-1", KEY)])
    asked: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _tokens: set[str] = field(default_factory=set)

    def authorize(self, address: str) -> str:
        """What a browser does there: signs in, and gets the address to go back to."""
        sent = dict(parse_qsl(urlsplit(address).query))
        assert sent["response_type"] == "code"
        assert sent["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self._codes[code] = sent
        return f"{sent['redirect_uri']}?{urlencode({'code': code, 'state': sent['state']})}"

    def discovery(self) -> Claims:
        return self.spoil_discovery(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/keys",
            }
        )

    def published_keys(self) -> Claims:
        return {
            "keys": [
                json.loads(RSAAlgorithm.to_jwk(key.public_key())) | {"kid": name, "alg": "RS256", "use": "sig"}
                for name, key in self.keys
            ]
        }

    def token(self, sent: dict[str, str], authorization: str) -> tuple[int, Claims]:
        asked = self._codes.pop(sent.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if asked is None or authorization != f"Basic {basic}":
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        access_token = secrets.token_urlsafe(16)
        self._tokens.add(access_token)
        id_token = self.sign(self.spoil_token(claims | self.claims))
        return 200, self.spoil_response({"access_token": access_token, "token_type": "Bearer", "id_token": id_token})

    def userinfo(self, authorization: str) -> tuple[int, Any]:
        if authorization.removeprefix("Bearer ") not in self._tokens:
            return 401, {}
        return 200, self.spoil_userinfo(dict(self.claims))


@contextmanager
def running_provider() -> Iterator[Provider]:
    """On a port of its own until the `with` ends."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append(self.path)
            if self.path.startswith("/authorize"):
                # To a browser, as a provider that leads on to another host and from there back.
                self._lead(f"http://localhost:{server.server_address[1]}/elsewhere{self.path[10:]}")
                return
            if self.path.startswith("/elsewhere"):
                self._lead(provider.authorize(self.path))
                return
            routes: dict[str, Callable[[], tuple[int, Any]]] = {
                "/.well-known/openid-configuration": lambda: (200, provider.discovery()),
                "/keys": lambda: (200, provider.published_keys()),
                "/userinfo": lambda: provider.userinfo(self.headers.get("Authorization", "")),
            }
            self._answer(*routes.get(self.path, lambda: (404, {}))())

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            sent = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*provider.token(sent, self.headers.get("Authorization", "")))

        def _lead(self, address: str) -> None:
            self.send_response(302)
            self.send_header("Location", address)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _answer(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    # Its usual half a second between two looks would be waited for at the end of each test.
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
