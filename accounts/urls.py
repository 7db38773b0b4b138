"""Pages of this room."""

from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("connect/", views.connect, name="connect"),
    path("callback/", views.callback, name="callback"),
    path("connections/<int:connection_id>/end/", views.end_consent, name="end_consent"),
]
