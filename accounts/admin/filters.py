"""Filters by what only this room knows."""

from typing import Any

from django import forms
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget

from accounts import access
from accounts.models import AdAccountAccess
from accounts.shell.admin_filters import RowFilter

# More are searched for instead of being listed.
_LISTED = 50


class AdAccountFilter(RowFilter):
    """Narrows a list to one ad account; offers only those the person may see, and a search where they are many."""

    title = "ad account"
    parameters = ("ad_account",)
    searched = AdAccountAccess._meta.get_field("ad_account")

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.path = model_admin.ad_account_path

    def narrow(self, queryset: QuerySet[Any], key: Any) -> QuerySet[Any]:
        narrowed: QuerySet[Any] = self.model_admin.of_ad_account(queryset, key)
        return narrowed

    def rows(self) -> QuerySet[Any]:
        return access.visible_ad_accounts(self.request.user)

    def form(self) -> forms.Form:
        few = list(self.rows()[: _LISTED + 1])
        if len(few) > _LISTED:
            return super().form()
        form = forms.Form(data={"ad_account": self.value})
        choices = [("", "All"), *((str(one.pk), str(one)) for one in few)]
        form.fields["ad_account"] = forms.ChoiceField(
            choices=choices, label=f"By {self.title}", required=False, widget=UnfoldAdminSelectWidget()
        )
        return form
