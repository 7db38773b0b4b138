"""`manage.py create_api_token NAME`: a token of a service account, printed once."""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts.api_tokens import service_accounts, token_store
from accounts.errors import ApiTokenRefused
from accounts.models import AdAccount, ApiToken, ServiceAccount, User
from accounts.roles import Role


class Command(BaseCommand):
    help = (
        "Create an API token of a service account, and the account if there is none of this name; print the token once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="of the service account, such as “Looker Studio”")
        parser.add_argument(
            "--role",
            choices=[str(one) for one in service_accounts.ROLES],
            help=f"of a new account (default {Role.VIEWER})",
        )
        parser.add_argument(
            "--ad-account", type=int, action="append", default=[], metavar="ID",
            help="the only ad accounts that it sees; a new viewer is granted them. Repeat it for several",
        )  # fmt: skip
        parser.add_argument("--scope", choices=ApiToken.Scope.values, default=ApiToken.Scope.READ)
        parser.add_argument("--days", type=int, choices=token_store.DAYS, default=token_store.DEFAULT_DAYS)
        parser.add_argument(
            "--network",
            action="append",
            default=[],
            metavar="CIDR",
            help="the only ones it works from; may be repeated",
        )
        parser.add_argument("--responsible", metavar="EMAIL", help="who is warned before it ends (default all owners)")

    def handle(self, *_: object, **given: object) -> None:
        try:
            token, plain = self._issue(given)
        except ApiTokenRefused as error:
            raise CommandError(str(error)) from None
        self.stderr.write(f"{token} of {token.user}, valid until {token.expiry:%Y-%m-%d}; it is shown only this once:")
        self.stdout.write(plain)

    @transaction.atomic
    def _issue(self, given: dict[str, object]) -> tuple[ApiToken, str]:
        ids = given["ad_account"]
        assert isinstance(ids, list)
        ad_accounts = list(AdAccount.objects.filter(pk__in=ids))
        if unknown := sorted(set(ids) - {one.pk for one in ad_accounts}):
            raise CommandError(f"There is no ad account {', '.join(map(str, unknown))}; `manage.py status` lists them.")
        name = str(given["name"])
        account = service_accounts.find(name)
        if account is None:
            account = self._add(name, given, ad_accounts)
        else:
            self._require_the_same(account, name, given)
        networks = given["network"]
        assert isinstance(networks, list)
        days = given["days"]
        assert isinstance(days, int)
        return token_store.issue(
            user=account,
            name=name,
            scope=str(given["scope"]),
            days=days,
            ad_account_ids=ids or None,
            networks=networks,
            now=timezone.now(),
        )

    def _require_the_same(self, account: ServiceAccount, name: str, given: dict[str, object]) -> None:
        """A token must not do more than was asked for, because an account is there already."""
        if account.first_name != name:
            raise CommandError(f"The service account {account.first_name} is too alike; choose another name.")
        if given["role"] not in (None, account.role):
            raise CommandError(
                f"{name} is there already and has the role {account.role}; leave --role out, or choose another name."
            )
        responsible = User.objects.with_email(given["responsible"])
        if given["responsible"] and (responsible is None or responsible.pk != account.responsible_id):
            raise CommandError(
                f"Somebody else is responsible for {name}; change that under Service accounts, or leave --responsible"
                " out."
            )

    def _add(self, name: str, given: dict[str, object], ad_accounts: list[AdAccount]) -> ServiceAccount:
        role = str(given["role"] or Role.VIEWER)
        if role == Role.VIEWER and not ad_accounts:
            raise CommandError("A viewer sees only what is granted; add --ad-account ID, or --role analyst for all.")
        email = given["responsible"]
        responsible = User.objects.with_email(email)
        if email and responsible is None:
            raise CommandError(f"Nobody has the e-mail address {email}; leave --responsible out to warn all owners.")
        return service_accounts.add(name=name, role=role, ad_accounts=ad_accounts, responsible=responsible, actor=None)
