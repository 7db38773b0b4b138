"""Filters by what only this room knows."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import TextFilter

from accounts.models import AdAccountAccess
from accounts.shell.admin_filters import VisibleRowsForm, require_visible
from accounts.shell.request_values import row_id

if TYPE_CHECKING:
    from accounts.admin.base import OfAdAccountAdmin

# Django searches by a foreign key to the table in question, and this one is to that of the ad accounts.
_SEARCHED = AdAccountAccess._meta.get_field("ad_account")


class AdAccountFilter(TextFilter):  # type: ignore[misc]
    """Narrows a list to one ad account of those that the person may see.

    Its parameter is the same on every list, however the rows lead to their ad account, so that links can be made
    without knowing the list; each admin narrows its rows itself.
    """

    title = "ad account"
    parameter_name = "ad_account"

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Model],
        model_admin: "OfAdAccountAdmin[Model]",
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.request, self.model_admin = request, model_admin

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        if not self.value():
            return queryset
        ad_account_id = row_id(self.value())
        require_visible(request, _SEARCHED, ad_account_id)
        return self.model_admin.of_ad_account(queryset, ad_account_id)

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, VisibleRowsForm]]:
        form = VisibleRowsForm(
            request=self.request,
            name=self.parameter_name,
            label=f"By {self.title}",
            choices=(),
            field=_SEARCHED,
            model_admin=self.model_admin,
            data={self.parameter_name: self.value()},
        )
        yield {"form": form}
