"""OpenID Connect as LinkedIn speaks it: discovery, keys, id_token, userinfo."""

import json
import threading
import time

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from .entities import Json
from .world import World

KEY_ID = "simulated-key-1"
_ID_TOKEN_SECONDS = 3_600


class SigningKey:
    """The RSA key of this process; made when first needed, since that takes a noticeable moment."""

    def __init__(self, key: RSAPrivateKey | None = None) -> None:
        self._key = key
        self._lock = threading.Lock()

    def private(self) -> RSAPrivateKey:
        """Give the private key."""
        with self._lock:
            if self._key is None:
                self._key = generate_private_key(public_exponent=65_537, key_size=2_048)
            return self._key

    def published(self) -> Json:
        """Give the JWKS document."""
        key: dict[str, object] = json.loads(RSAAlgorithm.to_jwk(self.private().public_key()))
        return {"keys": [{**key, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}

    def sign(self, claims: Json) -> str:
        """Give a signed id_token."""
        return jwt.encode(claims, self.private(), algorithm="RS256", headers={"kid": KEY_ID})


def discovery(sign_in: str, api: str) -> Json:
    """Give the discovery document for the two hosts."""
    return {
        "issuer": f"{sign_in}/oauth",
        "authorization_endpoint": f"{sign_in}/oauth/v2/authorization",
        "token_endpoint": f"{sign_in}/oauth/v2/accessToken",
        "userinfo_endpoint": f"{api}/v2/userinfo",
        "jwks_uri": f"{sign_in}/oauth/openid/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email"],
        "claims_supported": [
            "iss", "aud", "iat", "exp", "sub", "name", "given_name", "family_name", "picture", "email",
            "email_verified", "locale",
        ],
    }  # fmt: skip


def userinfo(world: World, member: int, client_id: str, scopes: tuple[str, ...]) -> Json:
    """Give the member's claims; name and e-mail only where their scope was granted."""
    first, last = world.person_name(member)
    claims: Json = {"sub": world.person_id(member, client_id)}
    if "profile" in scopes:
        claims.update(
            name=f"{first} {last}",
            given_name=first,
            family_name=last,
            picture="https://media.licdn.com/dms/image/simulated/profile-displayphoto-shrink_100_100/0/",
            locale="en-US",
        )
    if "email" in scopes:
        claims.update(email=f"{first}.{last}@example.com".lower(), email_verified=True)
    return claims


def id_token(key: SigningKey, issuer: str, client_id: str, claims: Json) -> str:
    """Give a signed id_token. Its times are real ones: whoever checks it has no simulated clock."""
    now = int(time.time())
    locale = {"locale": "en_US"} if "locale" in claims else {}
    return key.sign({"iss": issuer, "aud": client_id, "iat": now, "exp": now + _ID_TOKEN_SECONDS, **claims, **locale})
