"""Pages about people: how they sign in, how they join, and their own account."""

from django.urls import path
from social_django.views import complete

from accounts.people import your_account
from accounts.sign_in import other_ways, views
from accounts.sign_in.other_ways import passwords_only
from accounts.sign_in.second_step import views as second_step

app_name = "people"
urlpatterns = [
    path("login/<str:backend>/", other_ways.begin_login, name="begin"),
    path("complete/<str:backend>/", complete, name="complete"),
    path("invitation/<str:token>/", passwords_only(views.invitation, methods=frozenset({"POST"})), name="invitation"),
    path("password-reset/", passwords_only(views.ForgottenPassword.as_view()), name="password_reset"),
    path("password-reset/sent/", passwords_only(views.ResetSent.as_view()), name="password_reset_sent"),
    path("password-reset/<uidb64>/<token>/", passwords_only(views.NewPassword.as_view()), name="new_password"),
    path("sign-in-link/<str:token>/", other_ways.sign_in_link, name="sign_in_link"),
    path("second-step/", second_step.second_step, name="second_step"),
    path("second-step/passkey/begin/", second_step.begin_passkey, name="begin_passkey"),
    path("second-step/passkey/complete/", second_step.complete_passkey, name="complete_passkey"),
    path("me/second-step/", second_step.second_steps, name="second_steps"),
    path("me/second-step/remove/", second_step.remove_device, name="remove_device"),
    path("me/second-step/app/add/", second_step.add_app, name="add_app"),
    path("me/second-step/app/", second_step.authenticator_app, name="authenticator_app"),
    path(
        "me/second-step/passkey/begin/",
        second_step.begin_passkey_registration,
        name="begin_passkey_registration",
    ),
    path(
        "me/second-step/passkey/complete/",
        second_step.complete_passkey_registration,
        name="complete_passkey_registration",
    ),
    path("me/second-step/codes/", second_step.recovery_codes, name="recovery_codes"),
    path("me/", your_account.me, name="me"),
    path("me/password/", passwords_only(your_account.OwnPassword.as_view()), name="password"),
    path("me/sessions/", your_account.own_sessions, name="sessions"),
]
