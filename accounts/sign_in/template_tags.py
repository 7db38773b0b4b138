"""Template tags of the sign-in pages."""

from django import template
from django.conf import settings
from django.template import Context

from accounts.sign_in import linkedin_login
from accounts.sign_in import single_sign_on as oidc
from accounts.sign_in.second_step import confirmation, session

register = template.Library()


@register.simple_tag
def linkedin_login_is_configured() -> bool:
    """Whether to show the button at all."""
    return linkedin_login.is_configured() and not oidc.is_the_only_way()


@register.simple_tag
def single_sign_on() -> str:
    """What the company's own login is called; empty without one."""
    return str(settings.OIDC_NAME) if oidc.is_configured() else ""


@register.simple_tag(takes_context=True)
def confirm_url(context: Context) -> str:
    """Where a person confirms that it is still them before a form of this page works; empty where they need not."""
    request = context["request"]
    return confirmation.address(request.path) if session.is_stale(request) else ""


@register.simple_tag
def single_sign_on_only() -> bool:
    """Whether passwords and LinkedIn sign nobody in."""
    return oidc.is_the_only_way()
