"""What a traceback page or an error report never shows, with DEBUG on as well as off."""

import re
from collections.abc import ItemsView
from types import FrameType
from typing import Final

from django.http import HttpRequest
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

# Addresses carry passwords; LinkedIn's callback carries a code in its query.
_HIDDEN_SETTINGS: Final = r"_URL$|QUERY_STRING|REQUEST_URI|RAW_URI|REFERER"
_HIDDEN_VARIABLES: Final = re.compile(
    r"token|secret|password|passphrase|credential|cipher|cookie|^_?(code|state|form|grant|body|data|headers|key|keys|uri)$",
    re.IGNORECASE,
)
_HIDDEN_PARAMETERS: Final = re.compile(r"token|secret|password|key|^(code|state)$", re.IGNORECASE)
# Their variables hold the form sent to LinkedIn, under names that change with every version.
_HIDDEN_PACKAGES: Final = ("requests.", "urllib3.", "http.", "cryptography.", "oauthlib.", "requests_oauthlib.")


class SecretsHidden(SafeExceptionReporterFilter):
    """Hides by name, so that nobody has to remember a decorator where a token passes."""

    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|{_HIDDEN_SETTINGS}", re.IGNORECASE
    )

    def is_active(self, request: HttpRequest | None) -> bool:
        """Always: a screenshot of a traceback travels further than its author meant."""
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, object]:
        shown = dict(super().get_post_parameters(request).items()) if request else {}
        return {name: self.cleanse_parameter(name, value) for name, value in shown.items()}

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> ItemsView[str, object]:
        shown = super().get_traceback_frame_variables(request, tb_frame)
        whole_frame = f"{tb_frame.f_globals.get('__name__', '')}.".startswith(_HIDDEN_PACKAGES)
        return {
            name: self.cleansed_substitute if whole_frame or _HIDDEN_VARIABLES.search(name) else value
            for name, value in shown
        }.items()

    def cleanse_parameter(self, name: str, value: object) -> object:
        return self.cleansed_substitute if _HIDDEN_PARAMETERS.search(name) else value


class ErrorReport(ExceptionReporter):
    """Without the query of the address: Django's own filter does not reach it."""

    def get_traceback_data(self) -> dict[str, object]:
        data: dict[str, object] = super().get_traceback_data()
        if isinstance(self.filter, SecretsHidden) and self.request is not None:
            data["request_GET_items"] = [
                (name, self.filter.cleanse_parameter(name, value)) for name, value in self.request.GET.items()
            ]
            data["request_insecure_uri"] = self.request.path
        return data
