"""Findings of the Action center: read them, and decide on them with the functions that its page uses."""

from collections.abc import Callable, Collection
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypedDict

import django_filters
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access
from accounts.api.permissions import MayChangeFindings, WithinTokenScope
from accounts.models import User
from accounts.people.email_address import normalized_or_none
from reporting.api.files import Kind, Lines
from reporting.api.filters import Choices, Filters, Instant, ad_account
from reporting.api.pagination import Order
from reporting.api.serializers import Described, RequestBody
from reporting.api.views import bounded_statements, refuse_unknown
from reporting.api.viewsets import TableViewSet, described
from reporting.checks import findings
from reporting.checks.rules import RULES
from reporting.checks.severity import Severity
from reporting.models import Finding
from reporting.queries.findings import FindingLine, assignees, finding_line, most_severe_first, visible_findings

_NOBODY, _ME = "nobody", "me"
_ORDERS = {
    # By more than columns: see `most_severe_first`.
    "severity": Order(()),
    "-changed_at": Order(("changed_at", "id"), descending=True),
    "changed_at": Order(("changed_at", "id")),
    "-last_seen_at": Order(("last_seen_at", "id"), descending=True),
    "last_seen_at": Order(("last_seen_at", "id")),
    "id": Order(("id",)),
    "-id": Order(("id",), descending=True),
}


class FindingFilters(Filters):
    ad_account_id = ad_account("ad_account_id")
    rule_id = Choices(
        "rule_id",
        choices=[(rule.id, rule.title) for rule in RULES.values()],
        label=f"Rules, separated by commas: {', '.join(RULES)}.",
    )
    severity = Choices(
        "severity",
        choices=Finding.SEVERITIES,
        label=f"Severities, separated by commas: {', '.join(one.value for one in Severity)}.",
    )
    state = Choices(
        "shown_state",
        choices=Finding.State.choices,
        label=f"States, separated by commas: {', '.join(Finding.State.values)}; otherwise all states.",
    )
    assignee = django_filters.CharFilter(
        method="assigned_to", label=f"E-mail address of the assignee, {_ME}, or {_NOBODY}."
    )
    changed_at_from = Instant(
        "changed_at", lookup_expr="gte", label="Only findings changed in any way at or after this time, ISO 8601."
    )

    def assigned_to(self, rows: QuerySet[Finding], _: str, whom: str) -> QuerySet[Finding]:
        if whom == _NOBODY:
            return rows.filter(assigned_to=None)
        if whom == _ME:
            return rows.filter(assigned_to=self.request.user)
        person = User.objects.with_email(whom) if access.sees_colleagues(self.request.user) else None
        if person is None:
            raise ValidationError({"assignee": [f"Nobody here has this address; give one, {_ME} or {_NOBODY}."]})
        return rows.filter(assigned_to=person)


class EvidenceSerializer(serializers.Serializer[dict[str, str]]):
    """One fact that supports a finding."""

    label = serializers.CharField(help_text="Name of the fact.")  # type: ignore[assignment]
    value = serializers.CharField(help_text="The value as text; amounts are decimal strings in the finding's currency.")
    unit = serializers.CharField(
        help_text="text, count, money, percent, day, or word: words of LinkedIn's API, separated by commas."
    )


class _StoredInstant(serializers.DateTimeField):
    """One that is stored as text in JSON."""

    def to_representation(self, value: str) -> str | None:  # type: ignore[override]
        return super().to_representation(datetime.fromisoformat(value))


class HistorySerializer(serializers.Serializer[dict[str, str | None]]):
    """One event in the history of a finding."""

    at = _StoredInstant(help_text="When, UTC.")
    what = serializers.CharField(help_text="found, fixed, came back, assigned, snoozed, accepted, reopened, …")
    by = serializers.CharField(allow_null=True, help_text="Who did it; null for a check, and for viewers.")
    detail = serializers.CharField(help_text="To whom, until when, or why; may be empty, and is for viewers.")


class _AmountOptions(TypedDict):
    max_digits: int
    decimal_places: int
    allow_null: bool


_AMOUNT: Final = _AmountOptions(max_digits=24, decimal_places=10, allow_null=True)


class FindingSerializer(serializers.Serializer[Any]):
    """What a rule found about one campaign or creative, and what people decided."""

    id = serializers.IntegerField(help_text="Id of the finding; it stays the same when the cause comes back.")
    ad_account_id = serializers.IntegerField(help_text="LinkedIn's id of the ad account.")
    campaign_id = serializers.IntegerField(
        allow_null=True, help_text="LinkedIn's id of the campaign (ad set in Campaign Manager)."
    )
    campaign_name = serializers.CharField(source="campaign", allow_null=True, help_text="Name of the campaign.")
    creative_id = serializers.CharField(allow_null=True, help_text="URN of the creative, if the finding is about one.")
    creative_name = serializers.CharField(source="creative", allow_null=True, help_text="Name of the creative.")
    rule_id = serializers.CharField(help_text="The rule; docs/action-center.md describes each.")
    title = serializers.CharField(help_text="What the rule looks for, in a few words.")
    severity = serializers.ChoiceField(choices=Finding.SEVERITIES, help_text="How severe it is.")
    sentence = serializers.CharField(help_text="What is wrong.")
    evidence = EvidenceSerializer(many=True, help_text="The supporting facts.")
    why = serializers.CharField(help_text="Why it matters.")
    remedy = serializers.CharField(help_text="What to do in Campaign Manager.")
    money_at_stake = serializers.DecimalField(
        **_AMOUNT,
        source="money.amount",
        help_text="The spend of the last 30 days that it concerns, a decimal string, not money lost; stake says which; "
        "null if there is none or days are missing.",
    )
    stake = serializers.CharField(help_text="What money_at_stake means.")
    currency = serializers.CharField(allow_null=True, help_text="ISO code of the amounts: the ad account's.")
    state = serializers.ChoiceField(choices=Finding.State.choices, help_text="Current state.")
    assignee = serializers.EmailField(
        source="assignee_email",
        allow_null=True,
        help_text="Who is responsible for it; null if nobody is, and for viewers.",
    )
    snoozed_until = serializers.DateField(allow_null=True, help_text="UTC day on which a snoozed finding reopens.")
    accepted_reason = serializers.CharField(allow_null=True, help_text="Why it was accepted; null for viewers.")
    fixed_at = serializers.DateTimeField(allow_null=True, help_text="Start of the first sync without its cause, UTC.")
    saved = serializers.DecimalField(
        **_AMOUNT, source="saved.amount", help_text="The spend that it concerned before it was fixed."
    )
    first_seen_at = serializers.DateTimeField(help_text="Start of the sync that first showed it, UTC.")
    last_seen_at = serializers.DateTimeField(help_text="Start of the last sync that showed it, UTC.")
    reopened_at = serializers.DateTimeField(allow_null=True, help_text="When it was last reopened, UTC.")
    changed_at = serializers.DateTimeField(help_text="When anything but last_seen_at last changed, UTC.")
    times_seen = serializers.IntegerField(help_text="How many times it appeared (count).")

    class Meta:
        model = Finding

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for field in fields.values():
            # `fields` may leave out each of them.
            field.required = False
        return fields


class StoredFindingSerializer(Described):
    """A finding as it is stored, without the words of its rule and without people."""

    ad_account_id = serializers.IntegerField(help_text="LinkedIn's id of the ad account.")
    campaign_id = serializers.IntegerField(allow_null=True, help_text="LinkedIn's id of the campaign.")
    creative_id = serializers.CharField(allow_null=True, help_text="URN of the creative, if it is about one.")
    severity = serializers.ChoiceField(choices=Finding.SEVERITIES, help_text="How grave it is.")
    evidence = EvidenceSerializer(many=True, help_text="The facts that it rests on.")
    money_at_stake = serializers.DecimalField(
        **_AMOUNT, help_text="The spend of the last 30 days that it concerns, a decimal string, not money lost."
    )
    state = serializers.ChoiceField(
        choices=Finding.State.choices, help_text="How it stands; a snoozed one is open again from snoozed_until on."
    )
    accepted_reason = serializers.CharField(
        allow_null=True, help_text="Why an accepted one may stay; null for viewers."
    )

    class Meta:
        model = Finding
        fields = (
            "id", "ad_account_id", "campaign_id", "creative_id", "rule_id", "severity", "sentence", "evidence",
            "money_at_stake", "currency", "state", "snoozed_until", "accepted_reason", "fixed_at", "saved",
            "first_seen_at", "last_seen_at", "reopened_at", "changed_at", "times_seen",
        )  # fmt: skip


class FindingDetailSerializer(FindingSerializer):
    """A finding with its history."""

    history = HistorySerializer(many=True, help_text="What happened to it, oldest first; the latest 100 entries.")


class AssignSerializer(RequestBody):
    assignee = serializers.EmailField(
        allow_null=True, help_text="E-mail address of an active owner, manager or analyst; null for nobody."
    )


class SnoozeSerializer(RequestBody):
    until = serializers.DateField(help_text="UTC day on which it reopens: from tomorrow to a year ahead.")


class AcceptSerializer(RequestBody):
    reason = serializers.CharField(max_length=1000, help_text="Why it is acceptable.")


class AlreadyFixed(APIException):
    status_code = 409
    default_detail = "This finding is fixed: its cause is gone, so there is nothing to decide."
    remedy = "Nothing to do: it reopens if its cause comes back."


@described(
    "findings",
    _ORDERS,
    one="a finding",
    about_order="severity: most severe first, then by currency, highest amount first.",
)
class Findings(TableViewSet[Finding]):
    """What the checks found, and what people decided."""

    is_conditional = False  # people decide at any time
    serializer_class = FindingSerializer
    changed_row_class = StoredFindingSerializer
    filterset_class = FindingFilters
    of_account = "ad_account"
    permission_classes = (IsAuthenticated, WithinTokenScope, MayChangeFindings)
    orders = _ORDERS

    def get_queryset(self) -> QuerySet[Finding]:
        return visible_findings(self.ad_accounts, today=timezone.now().date())

    def check_may_change(self, *, pk: int) -> None:  # type: ignore[override]
        self._row(pk)

    @extend_schema(responses=FindingDetailSerializer)
    def retrieve(self, request: Request, pk: int | str) -> Response:
        refuse_unknown(request, ["fields", "format"], several=["fields"])
        names = self.chosen_fields(FindingDetailSerializer().fields)
        with bounded_statements():
            shown = self._shown(pk)
        return Response({name: shown[name] for name in names})

    @extend_schema(summary="Assign a finding", request=AssignSerializer, responses=FindingDetailSerializer)
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: int) -> Response:
        """To a person or to nobody. Needs the role owner, manager or analyst; by token, the scope read_and_change."""
        assignee = AssignSerializer.read(request)["assignee"]
        return self._decide(pk, findings.assign, "assignee", to=_assignee(assignee))

    @extend_schema(summary="Snooze a finding", request=SnoozeSerializer, responses=FindingDetailSerializer)
    @action(detail=True, methods=["post"])
    def snooze(self, request: Request, pk: int) -> Response:
        """Hide it until a day. Needs the role owner, manager or analyst; by token, the scope read_and_change."""
        return self._decide(pk, findings.snooze, "until", **SnoozeSerializer.read(request))

    @extend_schema(summary="Accept a finding", request=AcceptSerializer, responses=FindingDetailSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: int) -> Response:
        """Accept it for a reason. Needs the role owner, manager or analyst; by token, the scope read_and_change."""
        return self._decide(pk, findings.accept, "reason", **AcceptSerializer.read(request))

    @extend_schema(summary="Reopen a finding", request=None, responses=FindingDetailSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: int) -> Response:
        """Reopen a snoozed or accepted one. Needs the role owner, manager or analyst; by token, read_and_change."""
        return self._decide(pk, findings.reopen)

    def _decide(self, pk: int, decide: Callable[..., int], field: str = "", **decision: object) -> Response:
        self._row(pk)
        try:
            changed = decide([pk], by=self.person, now=timezone.now(), **decision)
        except findings.InvalidDecision as error:
            raise ValidationError({field: [str(error)]}) from None
        shown = self._shown(pk)
        if not changed and shown["state"] == Finding.State.FIXED and field != "assignee":
            raise AlreadyFixed
        return Response(shown)

    def _shown(self, pk: int | str) -> dict[str, object]:
        return dict(FindingDetailSerializer(self._line(self._row(pk))).data)

    def _line(self, row: Finding) -> FindingLine:
        return finding_line(row, names_people=self._sees_colleagues)

    @property
    def hidden_fields(self) -> Collection[str]:
        return () if self._sees_colleagues else ("accepted_reason",)

    @property
    def _sees_colleagues(self) -> bool:
        return access.sees_colleagues(self.request.user)

    def _row(self, pk: int | str) -> Finding:
        found: Finding | None = self.get_queryset().filter(pk=pk).first()
        if found is None:
            raise Http404("There is no such finding, or you may not see its ad account.")
        return found

    def _ordered(self, rows: QuerySet[Finding], order: Order) -> QuerySet[Finding]:
        return rows.order_by(*order.order_by) if order.columns else most_severe_first(rows)

    def _page(self, rows: QuerySet[Finding], order: Order) -> Response:
        columns = list(self.columns)
        page = self.paginate_queryset(self._ordered(rows, order)) or []
        return self.get_paginated_response([_values(self._line(row), columns) for row in page])

    def contents(self, rows: QuerySet[Finding], order: Order, *, is_flat: bool) -> Lines:
        columns = list(self.columns)
        lines = map(self._line, self._ordered(rows, order).iterator(chunk_size=500))
        cells = partial(_cells, columns=columns, is_flat=is_flat)
        return Lines(self.basename, columns, map(cells, lines), kinds=_KINDS)


# Instants are text here: the serializer has written them.
_KINDS: Final[dict[str, Kind]] = {
    **dict.fromkeys(("id", "ad_account_id", "campaign_id", "times_seen"), "integer"),
    **dict.fromkeys(("money_at_stake", "saved"), "decimal"),
    "snoozed_until": "day",
    **dict.fromkeys(("fixed_at", "first_seen_at", "last_seen_at", "reopened_at", "changed_at"), "instant"),
}


def _values(line: FindingLine, columns: list[str]) -> dict[str, Any]:
    shown = FindingSerializer(line).data
    return {name: shown[name] for name in columns}


def _cells(line: FindingLine, *, columns: list[str], is_flat: bool) -> list[object]:
    """Amounts as numbers; evidence as text where a cell holds one value."""
    values = _values(line, columns)
    for name in {"money_at_stake", "saved"} & values.keys():
        values[name] = values[name] and Decimal(values[name])
    if is_flat and "evidence" in values:
        values["evidence"] = "; ".join(f"{fact['label']}: {fact['value']}" for fact in values["evidence"])
    return list(values.values())


def _assignee(email: str | None) -> User | None:
    if email is None:
        return None
    person = assignees().filter(email=normalized_or_none(email)).first()
    if person is None:
        raise ValidationError({"assignee": ["Give the address of an active owner, manager or analyst."]})
    return person
