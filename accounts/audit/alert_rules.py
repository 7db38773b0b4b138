"""What owners want to know of at once: which events match which rule. Independent of tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from accounts.roles import Role


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One line of AUDIT_ALERTS; `matches` is asked about events of these kinds, by their detail.

    `is_counted`: one event is nothing, many within a quarter of an hour are (AUDIT_ALERT_SIGN_INS_REFUSED).
    """

    title: str
    kinds: frozenset[str]
    matches: Callable[[Mapping[str, object]], bool] = lambda _: True
    is_counted: bool = False


def _owner_as(name: str) -> Callable[[Mapping[str, object]], bool]:
    return lambda detail: detail.get(name) == Role.OWNER


# Lists that are about people, by what the export says it is of.
_OF_PEOPLE: Final = (
    "audit trail", "people", "users", "invitations", "api tokens", "api_tokens", "failed logins", "failed_logins",
    "connections", "grants",
)  # fmt: skip


def _is_of_people(detail: Mapping[str, object]) -> bool:
    what = str(detail.get("what", "")).lower()
    return any(name in what for name in _OF_PEOPLE)


RULES: Final[Mapping[str, AlertRule]] = {
    "made_owner": AlertRule("Somebody became an owner", frozenset({"role_changed"}), _owner_as("after")),
    "owner_added": AlertRule(
        "An owner was added or invited", frozenset({"user_added", "user_invited"}), _owner_as("role")
    ),
    "token_issued": AlertRule("An API token was issued", frozenset({"api_token_issued"})),
    "sign_ins_refused": AlertRule(
        "Many sign-ins were refused", frozenset({"login_failed", "locked_out", "second_step_failed"}), is_counted=True
    ),
    "second_step_reset": AlertRule("A second step was reset", frozenset({"second_step_reset", "sign_in_link_created"})),
    "consent_replaced": AlertRule(
        "A different LinkedIn member consented", frozenset({"consent_given_by_another_member"})
    ),
    "removed": AlertRule("A person or an ad account was removed", frozenset({"user_removed", "ad_account_removed"})),
    "people_exported": AlertRule("A list of people was exported", frozenset({"exported"}), _is_of_people),
    "bi_role_changed": AlertRule("A database role of a BI tool was changed", frozenset({"reporting_role_changed"})),
    "backup_restored": AlertRule("A backup was restored", frozenset({"backup_restored"})),
}
ALL: Final = "all"
NONE: Final = "none"


def matching(kind: str, detail: Mapping[str, object]) -> list[str]:
    """The names of the rules that an event matches."""
    return [name for name, rule in RULES.items() if kind in rule.kinds and rule.matches(detail)]


def chosen(names: list[str]) -> frozenset[str]:
    """The rules that AUDIT_ALERTS switches on."""
    if names == [NONE]:
        return frozenset()
    return frozenset(RULES if not names or names == [ALL] else names) & RULES.keys()
