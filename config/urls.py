"""Mounts each room."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from accounts.shell.admin_search import search
from config.rest import NoSuchEndpoint, Problems
from reporting.api.root import Root

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    # The page that changes a password records it; the admin's own does not.
    path("admin/password_change/", RedirectView.as_view(pattern_name="people:password")),
    path("admin/search/", admin.site.admin_view(search)),
    # Before the admin, whose last route answers every other address under admin/.
    path("", include("reporting.urls")),
    path("admin/", admin.site.urls),
    path("", include("accounts.urls")),
    path("people/", include("accounts.people.urls")),
    path("api/v1", Root.as_view(), name="api-root"),
    path("api/v1/", include("accounts.api.urls")),
    path("api/v1/", include("reporting.api.urls")),
    path("api/v1/problems", Problems.as_view(), name="problems"),
    # Last: every other address of the API is answered like the API.
    re_path(r"^api/", NoSuchEndpoint.as_view()),
]

handler500 = "config.error_pages.server_error"
