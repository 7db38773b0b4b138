"""Mounts each room."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    # The page that changes a password records it; the admin's own does not.
    path("admin/password_change/", RedirectView.as_view(pattern_name="people:password")),
    path("admin/", admin.site.urls),
    path("", include("reporting.urls")),
    path("linkedin/", include("accounts.urls")),
    path("people/", include("accounts.people_urls")),
]

handler500 = "config.error_pages.server_error"
