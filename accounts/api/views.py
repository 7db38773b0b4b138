"""Who am I: how a tool finds out whether its token works."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import person_of, visible_ad_accounts
from accounts.models import ApiToken, User
from accounts.roles import Role
from accounts.shell.request_values import values_of


class MeSerializer(serializers.Serializer[User]):
    """A person, and what their request may do."""

    email = serializers.EmailField(help_text="The person who makes the request.")
    role = serializers.ChoiceField(choices=Role.choices, help_text="The role of the person.")
    token_scope = serializers.ChoiceField(
        choices=ApiToken.Scope.choices, allow_null=True, help_text="The API token's scope; null in a browser."
    )
    ad_accounts = serializers.IntegerField(help_text="Ad accounts that the person may see (count).")


class Me(APIView):
    """The person behind the request, and what it may do."""

    @extend_schema(summary="Show the person of a token", responses=MeSerializer)
    def get(self, request: Request) -> Response:
        values_of(request.query_params, {"format": str})
        user = person_of(request)
        return Response(
            {
                "email": user.email,
                "role": user.role,
                "token_scope": user.token_scope,
                "ad_accounts": visible_ad_accounts(user).count(),
            }
        )
