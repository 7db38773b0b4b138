"""Pages about people: how they sign in, how they join, and their own account."""

from django.urls import path
from social_django.views import complete

from accounts.people import your_account
from accounts.sign_in import views

app_name = "people"
urlpatterns = [
    path("login/<str:backend>/", views.begin_linkedin_login, name="begin"),
    path("complete/<str:backend>/", complete, name="complete"),
    path("invitation/<str:token>/", views.invitation, name="invitation"),
    path("password-reset/", views.ForgottenPassword.as_view(), name="password_reset"),
    path("password-reset/sent/", views.ResetSent.as_view(), name="password_reset_sent"),
    path("password-reset/<uidb64>/<token>/", views.NewPassword.as_view(), name="new_password"),
    path("me/", your_account.me, name="me"),
    path("me/password/", your_account.OwnPassword.as_view(), name="password"),
    path("me/sessions/", your_account.own_sessions, name="sessions"),
]
