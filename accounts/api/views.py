"""Who am I: what a tool asks to see whether its token works."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import visible_ad_accounts
from accounts.models import User


class Me(APIView):
    """The person behind the request, and how far it may go."""

    def get(self, request: Request) -> Response:
        user = request.user
        assert isinstance(user, User)
        return Response(
            {
                "email": user.email,
                "role": user.role,
                "token_scope": user.token_scope,
                "ad_accounts": visible_ad_accounts(user).count(),
            }
        )
