"""What goes wrong in a page while a test looks elsewhere."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

# The console names only some violations: none of a policy that merely reports, for instance.
_TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", event =>
    console.error(`Content-Security-Policy: ${event.effectiveDirective} forbids ${event.blockedURI} ${event.sample}`));
"""
# A page that is left while it loads gives its requests up.
_GIVEN_UP = "net::ERR_ABORTED"


class Watch:
    """Hears every page of a browser context; `complaints` should be empty at the end.

    `sites` are the addresses that pages may ask, such as `http://127.0.0.1:8000`.
    """

    def __init__(self, context: BrowserContext, *, sites: Iterable[str]) -> None:
        self.complaints: list[str] = []
        self._hosts = {urlsplit(site).netloc for site in sites}
        context.add_init_script(_TELL_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", self._page_error)
        context.on("request", self._request)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"console: {message.text} ({message.location['url']})")

    def _page_error(self, error: WebError) -> None:
        self.complaints.append(f"page error: {error.error}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and parts.netloc not in self._hosts:
            self.complaints.append(f"another host: {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != _GIVEN_UP:
            self.complaints.append(f"failed: {request.url} ({request.failure})")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status}: {response.url}")
