"""The six digits of an authenticator app (RFC 6238): every 30 seconds others, from a shared secret."""

import base64
import re
import secrets
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

import segno
from django.conf import settings
from django_otp.oath import TOTP

_STEP_SECONDS: Final = 30
_DIGITS: Final = 6
# Of the ASCII digits alone: `int` would also take others, signs and underscores.
_CODE: Final = re.compile(r"[0-9]{6}")
# The code before and the one after count, too: clocks differ, and typing takes time.
_TOLERANCE: Final = 1


def new_secret() -> str:
    """160 random bits, as RFC 4226 recommends, in base32."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def matching_step(secret: str, code: str, *, after: int, now: datetime) -> int | None:
    """The 30-second step of this code if it is valid now and later than the last accepted one."""
    digits = code.replace(" ", "")
    if not _CODE.fullmatch(digits):
        return None
    totp = TOTP(base64.b32decode(secret), step=_STEP_SECONDS, digits=_DIGITS)
    totp.time = now.timestamp()
    return totp.t() if totp.verify(int(digits), tolerance=_TOLERANCE, min_t=after + 1) else None


def address_of(secret: str, *, email: str) -> str:
    """The address that apps read from a QR code. Source: google-authenticator wiki, "Key Uri Format"."""
    issuer = settings.OTP_WEBAUTHN_RP_NAME
    values = {"secret": secret, "issuer": issuer, "algorithm": "SHA1", "digits": _DIGITS, "period": _STEP_SECONDS}
    return f"otpauth://totp/{quote(issuer)}:{quote(email)}?{urlencode(values, quote_via=quote)}"


def qr_code(text: str) -> str:
    """An SVG to be part of a page; dark on light with its margin, which scanners need in dark mode, too."""
    code = segno.make(text, error="m", micro=False)
    return code.svg_inline(scale=5, border=4, dark="#000", light="#fff", svgclass="qr-code", title="QR code")
