"""A passkey in software: makes what a browser sends for it (WebAuthn level 2, ES256, no attestation)."""

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

_PRESENT, _VERIFIED, _HAS_KEY = 0x01, 0x04, 0x40


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass
class Authenticator:
    """One passkey; the fields are what an attacker might change."""

    origin: str = "http://localhost"
    rp_id: str = "localhost"
    flags: int = _PRESENT | _VERIFIED
    count: int = 0
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def register(self, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """What a browser sends after `navigator.credentials.create`."""
        numbers = self.key.public_key().public_numbers()
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + public
        data = self._data(self.flags | _HAS_KEY) + attested
        return self._credential(
            clientDataJSON=self._client_data("webauthn.create", options, changes),
            attestationObject=encoded(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
            transports=["internal"],
        )

    def use(self, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """What a browser sends after `navigator.credentials.get`."""
        self.count += 1
        data = self._data(self.flags)
        client_data = self._client_data("webauthn.get", options, changes)
        signed = data + hashlib.sha256(base64.urlsafe_b64decode(client_data + "==")).digest()
        return self._credential(
            clientDataJSON=client_data,
            authenticatorData=encoded(data),
            signature=encoded(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            userHandle=None,
        )

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client_data(self, kind: str, options: dict[str, Any], changes: dict[str, Any]) -> str:
        values = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return encoded(json.dumps(values | changes).encode())

    def _credential(self, **response: Any) -> dict[str, Any]:
        name = encoded(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response}
