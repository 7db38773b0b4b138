"""What `access.py` allows, in the words of Django REST framework."""

from typing import TYPE_CHECKING

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts import access
from accounts.models import AdAccount

if TYPE_CHECKING:
    # At run time the views import this module: it is one of their defaults.
    from rest_framework.views import APIView


class WithinTokenScope(BasePermission):
    """A token of scope `read` only reads; part of the permissions of every view, before those of a role.

    What is possible for nobody is no matter of permission: raises MethodNotAllowed.
    """

    message = "This API token may only read."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if request.method not in view.allowed_methods:
            raise MethodNotAllowed(str(request.method))
        return request.method in SAFE_METHODS or access.may_change_anything(request.user)


class MayChangeFindings(BasePermission):
    """For views that run checks and decide on findings; everybody may read them."""

    message = "You may not change findings here, or this API token may not: it needs the scope read_and_change."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return request.method in SAFE_METHODS or access.may_change_findings(request.user)


class MayTakeSnapshots(BasePermission):
    """For views that take snapshots; everybody may read them."""

    message = "Your role may not take snapshots; ask an analyst, a manager or an owner."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return request.method in SAFE_METHODS or access.may_take_snapshots(request.user)


class MaySync(BasePermission):
    """For views that start the sync of an ad account."""

    message = "You may not start syncs here, or this API token may only read."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return access.may_sync_anything(request.user)

    def has_object_permission(self, request: Request, view: "APIView", obj: object) -> bool:
        return isinstance(obj, AdAccount) and access.may_sync(request.user, obj.pk)
