"""Pages of this room."""

from django.urls import path

from accounts.api_tokens import views as api_token_views
from accounts.consents import views

app_name = "accounts"
urlpatterns = [
    path("linkedin/connect/", views.connect, name="connect"),
    path("linkedin/callback/", views.callback, name="callback"),
    path("linkedin/connections/<int:connection_id>/end/", views.end_consent, name="end_consent"),
    path("people/me/tokens/", api_token_views.api_tokens_page, name="api_tokens"),
    path(
        "people/service-accounts/<int:account_id>/tokens/",
        api_token_views.service_account_tokens,
        name="service_account_tokens",
    ),
    path(
        "people/service-accounts/<int:account_id>/tokens/<int:token_id>/revoke/",
        api_token_views.revoke_service_account_token,
        name="revoke_service_account_token",
    ),
    path("people/me/tokens/<int:token_id>/revoke/", api_token_views.revoke_api_token, name="revoke_api_token"),
]
