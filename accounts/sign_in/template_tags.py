"""Template tags of the sign-in pages."""

from django import template

from accounts.sign_in import linkedin_login

register = template.Library()


@register.simple_tag
def linkedin_login_is_configured() -> bool:
    """Whether to show the button at all."""
    return linkedin_login.is_configured()
