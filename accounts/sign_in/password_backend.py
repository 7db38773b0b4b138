"""Signs in by e-mail address and password; the one backend that checks passwords."""

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import User
from accounts.sign_in import lock_out
from accounts.sign_in.password_hashing import turn


class PasswordBackend(ModelBackend):
    """Django's, behind the lock-out. Every attempt takes one hash, whoever it is for."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **others: object
    ) -> User | None:
        """Raises LockedOut and TooBusy, which `SignInTrouble` answers."""
        typed = username if username is not None else others.get(User.USERNAME_FIELD)
        if not isinstance(typed, str) or password is None:
            return None
        address = request.META.get("REMOTE_ADDR") if request else None
        lock_out.require_unlocked(lock_out.Door.PASSWORD, account=typed, address=address)
        with turn(), lock_out.attempt(lock_out.Door.PASSWORD, account=typed, address=address) as attempt:
            person = super().authenticate(request, username=typed, password=password)
            attempt.passed = person is not None
        return person if isinstance(person, User) else None
