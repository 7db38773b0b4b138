"""Every URL pattern of the project, as the configuration has it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern
from rest_framework.authentication import SessionAuthentication

# Values that suit every converter in use: they need not exist.
_VALUE = "1"


@dataclass(frozen=True)
class Pattern:
    """One pattern: the name that `reverse` takes (or its route), and its arguments."""

    name: str
    route: str
    arguments: tuple[str, ...]
    is_csrf_exempt: bool


def every_pattern() -> list[Pattern]:
    """All of them, through every include, in the order Django tries them."""
    return list(_walk(get_resolver(), "", ""))


def every_address() -> list[str]:
    """One address per pattern, with made-up values for its arguments."""
    found = []
    for pattern in every_pattern():
        address = pattern.route
        for argument in pattern.arguments:
            address = address.replace(f"<{argument}>", _VALUE)
        found.append(f"/{address}")
    return found


def _walk(resolver: URLResolver, prefix: str, namespace: str) -> Iterator[Pattern]:
    for one in resolver.url_patterns:
        route = prefix + _readable(one)
        if isinstance(one, URLResolver):
            inner = ":".join(part for part in (namespace, one.namespace) if part)
            yield from _walk(one, route, inner)
        elif isinstance(one, URLPattern):
            name = ":".join(part for part in (namespace, one.name) if part) if one.name else f"/{route}"
            yield Pattern(name, route, tuple(_arguments(route)), _is_csrf_exempt(one.callback))


def _is_csrf_exempt(view: Callable[..., Any]) -> bool:
    """Django REST framework exempts every view of its own and checks those that come with a session by itself."""
    classes = getattr(getattr(view, "cls", None), "authentication_classes", ())
    checks_sessions = any(issubclass(one, SessionAuthentication) for one in classes)
    return getattr(view, "csrf_exempt", False) and not checks_sessions


def _readable(one: URLPattern | URLResolver) -> str:
    """The route without converters and anchors; a regular expression as Django's own admindocs simplify it."""
    if isinstance(one.pattern, RegexPattern):
        return simplify_regex(str(one.pattern)).removeprefix("/")
    return _without_converters(str(one.pattern))


def _without_converters(route: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", route)


def _arguments(route: str) -> list[str]:
    return re.findall(r"<(\w+)>", route)
