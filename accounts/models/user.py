"""People who sign in; the e-mail address is the login."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from accounts.roles import Role


class UserManager(BaseUserManager["User"]):
    """Creates people by e-mail; the one from `createsuperuser` is an owner."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        if not email:
            raise ValueError("A person needs an e-mail address.")
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, email: str | None) -> "User":
        """The person who signs in with this address, whatever its case."""
        return self.get(email__iexact=email)

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        fields |= {"is_staff": True, "is_superuser": True, "role": Role.OWNER}
        return self.create_user(email, password, **fields)


class User(AbstractUser):
    """One person. `accounts/roles.py` says what each role may do.

    `accounts/people/membership.py` is the only writer of `role` and `is_active`, and the only one who removes a person.
    """

    personal_data = frozenset({"email", "first_name", "last_name", "password"})

    username = None  # type: ignore[assignment]
    email = models.EmailField("e-mail address", unique=True)
    role = models.CharField(max_length=16, choices=Role, default=Role.VIEWER)
    # Django's admin requires it; here everybody who may sign in may open the site, and the role decides the rest.
    is_staff = models.BooleanField(default=True, editable=False, help_text="may enter the site; true for everybody")

    # Known without a look at the devices, since every request of a page needs it;
    # `accounts/sign_in/second_step/devices.py` is its only writer.
    second_step_since = models.DateTimeField(
        "second step since", null=True, editable=False, help_text="empty without an authenticator app or a passkey"
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    # Set where a request acts through an API token; `accounts/access.py` narrows what it may do.
    token_scope: str | None = None

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta:
        db_table = "users"
        verbose_name = "person"
        verbose_name_plural = "people"
        constraints = [
            models.UniqueConstraint(Lower("email"), name="users_have_one_email_whatever_its_case"),
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.email
