"""The `requests` session under the client: pooled, without retries, cookies."""

from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase


class Bearer(AuthBase):
    """Sets the bearer header. Given as `auth` since requests would otherwise prefer an entry of ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def pooled_session(concurrency: int) -> requests.Session:
    """A session with a connection for each call side by side; it retries nothing and keeps no cookie."""
    session = requests.Session()
    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=concurrency, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    # LinkedIn's load-balancer cookie would be written by all threads into one jar, for nothing.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return session
