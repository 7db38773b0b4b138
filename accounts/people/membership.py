"""The only writer of roles and of who is active, and the only one who removes a person.

There is always an active owner. Removing or demoting an owner locks the rows of all owners until the
transaction ends, so that two owners cannot demote each other at once.
"""

from typing import Final

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Collate, Lower
from django.utils import timezone

from accounts import audit_trail
from accounts.api_tokens import token_store
from accounts.consents import connections
from accounts.errors import LastOwner
from accounts.models import FailedLogin, Invitation, User
from accounts.people import sessions
from accounts.roles import Role

_LAST_OWNER: Final = (
    "This is the last active owner, and somebody has to manage people; make another active person an owner first."
)


def require_another_owner(person_id: int) -> None:
    """Raises LastOwner if no other active owner is left; call it in the transaction that removes this one."""
    owners = User.objects.select_for_update().filter(role=Role.OWNER, is_active=True).order_by("pk")
    if set(owners.values_list("pk", flat=True)) <= {person_id}:
        raise LastOwner(_LAST_OWNER)


def loses_an_owner(before: User, *, role: str, is_active: bool) -> bool:
    """Whether this change would leave one active owner fewer."""
    is_owner_now = before.role == Role.OWNER and before.is_active
    return is_owner_now and not (role == Role.OWNER and is_active)


@transaction.atomic
def save(person: User, *, actor: User | None, changed: list[str]) -> None:
    """Store changes of a person; deactivating somebody signs them out and ends their API tokens. Raises LastOwner."""
    before = User.objects.get(pk=person.pk)
    if loses_an_owner(before, role=person.role, is_active=person.is_active):
        require_another_owner(person.pk)
    person.save()
    if person.role != before.role:
        audit_trail.record("role_changed", actor=actor, user_email=person.email, before=before.role, after=person.role)
    if others := sorted(set(changed) - {"role"}):
        audit_trail.record("user_changed", actor=actor, user_email=person.email, role=person.role, changed=others)
    if before.is_active and not person.is_active:
        sessions.forget_all(person)
        # They must not come back with the person.
        token_store.end_all(person, actor=actor, why="the account was deactivated")


@transaction.atomic
def remove(person: User, *, actor: User | None) -> None:
    """Remove a person with what belongs to them; what they did stays in the audit trail. Raises LastOwner.

    A living LinkedIn consent stays in use, because a team's syncs must not stop when one person leaves; to end it, end
    it first. Nothing personal stays of an ended one.
    """
    if loses_an_owner(User.objects.get(pk=person.pk), role=Role.VIEWER, is_active=False):
        require_another_owner(person.pk)
    audit_trail.record("user_removed", actor=actor, user_email=person.email, role=person.role)
    connections.forget_members_of_ended(person, now=timezone.now())
    Invitation.objects.filter(email=person.email).delete()
    FailedLogin.objects.filter(account=person.email).delete()
    _forget_in_admin_log(person)
    person.delete()


def _forget_in_admin_log(person: User) -> None:
    """What Django's admin logged about them; it stores the names that rows had, addresses as they were typed then."""
    about = Q(content_type=ContentType.objects.get_for_model(User), object_id=str(person.pk))
    named = Q(content_type__app_label="accounts", object_repr__contains=str(person))
    # The collation C folds the letters of ASCII alone.
    logged = LogEntry.objects.alias(in_lower_case=Lower(Collate("object_repr", "C")))
    logged.filter(about | named | Q(in_lower_case__contains=person.email)).delete()
