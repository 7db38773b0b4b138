"""People who sign in; the e-mail address is the login."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models

from accounts.people import email_address
from accounts.people.email_address import SERVICE_ACCOUNT_DOMAIN, EmailAddressField
from accounts.roles import Role


class UserManager(BaseUserManager["User"]):
    """Creates people by e-mail; the one from `createsuperuser` is an owner."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        if not email:
            raise ValueError("A person needs an e-mail address.")
        user = self.model(email=email_address.of_a_person(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """The one form of an address; Django calls it before it validates a person."""
        return email_address.normalized(email) if email else ""

    def with_email(self, text: object) -> "User | None":
        """The person with this address, in whatever case it was typed; the only look-up of a person by text."""
        return self._people().filter(email=email_address.normalized_or_none(text)).first()

    def get_by_natural_key(self, email: str | None) -> "User":
        """The person who signs in with this address. Raises User.DoesNotExist."""
        return self._people().get(email=email_address.normalized_or_none(email))

    def _people(self) -> "models.QuerySet[User]":
        """Service accounts are nobody who signs in, is assigned anything or gets mail."""
        return self.filter(is_service_account=False)

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        fields |= {"is_staff": True, "is_superuser": True, "role": Role.OWNER}
        return self.create_user(email, password, **fields)


class User(AbstractUser):
    """One person, or one service account. `accounts/roles.py` says what each role may do.

    `accounts/people/membership.py` is the only writer of `role` and `is_active`, and the only one who removes a person;
    `accounts/api_tokens/service_accounts.py` adds service accounts.
    """

    personal_data = frozenset({"email", "first_name", "last_name", "password"})

    username = None  # type: ignore[assignment]
    email = EmailAddressField("e-mail address", unique=True)
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

    is_service_account = models.BooleanField(
        default=False, editable=False, help_text="no person: it has API tokens and cannot sign in"
    )
    responsible = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="who is warned before the tokens of a service account end; otherwise all owners",
    )

    # Set where a request acts through an API token; `accounts/access.py` narrows what it may do.
    token_scope: str | None = None
    token_ad_account_ids: frozenset[int] | None = None

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta:
        db_table = "users"
        verbose_name = "person"
        verbose_name_plural = "people"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email__regex=email_address.CHARACTERS),
                name="an_email_of_a_person_is_in_its_one_form",
            ),
            models.CheckConstraint(
                condition=models.Q(is_service_account=False) | ~models.Q(role=Role.OWNER),
                name="a_service_account_is_no_owner",
            ),
            models.CheckConstraint(
                condition=models.Q(is_service_account=True, email__endswith=SERVICE_ACCOUNT_DOMAIN)
                | models.Q(is_service_account=False) & ~models.Q(email__endswith=SERVICE_ACCOUNT_DOMAIN),
                name="addresses_of_service_accounts_are_theirs_alone",
            ),
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.email


class ServiceAccountManager(UserManager):
    def get_queryset(self) -> "models.QuerySet[User]":
        return super().get_queryset().filter(is_service_account=True)


class ServiceAccount(User):
    """A program with a role of its own, whose tokens do not end with a person who leaves."""

    objects = ServiceAccountManager()  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = "service account"
