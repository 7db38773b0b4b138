"""The search among the names of lists, in the sidebar of every page: Unfold's own fails for pages that do not exist."""

import redis
from django.contrib import admin
from django.core.paginator import InvalidPage
from django.http import HttpRequest, HttpResponse

from accounts.shell.list_address import check_search
from accounts.shell.request_values import NotThere, page_number


def search(request: HttpRequest) -> HttpResponse:
    """Raises BadValue, and NotThere for a page that does not exist."""
    check_search(request.GET.get("s", ""))
    page_number(request.GET.get("page", "1"))
    try:
        found: HttpResponse = admin.site.search(request)  # type: ignore[attr-defined]  # it is Unfold's site
    except InvalidPage:
        raise NotThere("There is no such page; the list ends before it.") from None
    except redis.RedisError:
        # Unfold keeps what it found in the cache.
        return HttpResponse("The search is not available at the moment.", status=503, content_type="text/plain")
    return found
