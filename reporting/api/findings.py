"""Findings of the Action center: to read, and to decide about with the functions that its page uses."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import MayChangeFindings, WithinTokenScope
from accounts.models import User
from reporting.api.files import download
from reporting.api.filters import Choices, Instant, account
from reporting.api.pagination import Order
from reporting.api.serializers import Described, Wish
from reporting.api.views import bounded_statements, refuse_unknown
from reporting.api.viewsets import Table, described
from reporting.checks import findings
from reporting.checks.rules import RULES
from reporting.checks.rules.base import Severity
from reporting.models import Finding
from reporting.queries.findings import FindingLine, assignees, finding_line, graver_first, visible_findings

_NOBODY, _ME = "nobody", "me"
_ORDERS = {
    # By no column alone: `graver_first` says how.
    "severity": Order(()),
    "-changed_at": Order(("changed_at", "id"), descending=True),
    "changed_at": Order(("changed_at", "id")),
    "-last_seen_at": Order(("last_seen_at", "id"), descending=True),
    "last_seen_at": Order(("last_seen_at", "id")),
    "id": Order(("id",)),
    "-id": Order(("id",), descending=True),
}


class FindingFilters(django_filters.FilterSet):  # type: ignore[misc]
    account_id = account("ad_account_id")
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
        label=f"States, separated by commas: {', '.join(Finding.State.values)}; else every state.",
    )
    assignee = django_filters.CharFilter(
        method="taken_care_of", label=f"E-mail address of who takes care of it, {_ME}, or {_NOBODY}."
    )
    changed_since = Instant(
        "changed_at", lookup_expr="gte", label="Only what changed then or later in any way, ISO 8601."
    )

    def taken_care_of(self, rows: QuerySet[Finding], _: str, whom: str) -> QuerySet[Finding]:
        if whom == _NOBODY:
            return rows.filter(assigned_to=None)
        if whom == _ME:
            return rows.filter(assigned_to=self.request.user)
        return rows.filter(assigned_to__email__iexact=whom)


class EvidenceSerializer(serializers.Serializer[Any]):
    """One fact that a finding rests on."""

    label = serializers.CharField(help_text="What it is.")  # type: ignore[assignment]
    value = serializers.CharField(help_text="The value as text; amounts are decimal strings in the finding's currency.")
    unit = serializers.CharField(help_text="text, count, money, percent or day.")


class _StoredInstant(serializers.DateTimeField):
    """One that JSON keeps as text."""

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(datetime.fromisoformat(value))


class HistorySerializer(serializers.Serializer[Any]):
    """One thing that became of a finding."""

    at = _StoredInstant(help_text="When, UTC.")
    what = serializers.CharField(help_text="found, fixed, came back, assigned, snoozed, woke up, accepted, reopened, …")
    by = serializers.CharField(allow_null=True, help_text="Who decided; null where the audit did.")
    detail = serializers.CharField(help_text="To whom, until when, or why; may be empty.")


_AMOUNT: dict[str, Any] = {"max_digits": 24, "decimal_places": 10, "allow_null": True}


class FindingSerializer(serializers.Serializer[Any]):
    """What a rule found about one campaign or creative, and what people decided about it."""

    id = serializers.IntegerField(help_text="Number of the finding; it keeps it when its cause comes back.")
    account_id = serializers.IntegerField(source="ad_account_id", help_text="LinkedIn's id of the ad account.")
    campaign_id = serializers.IntegerField(allow_null=True, help_text="LinkedIn's id of the campaign.")
    campaign = serializers.CharField(allow_null=True, help_text="Name of the campaign.")
    creative_id = serializers.CharField(allow_null=True, help_text="URN of the creative, if it is about one.")
    creative = serializers.CharField(allow_null=True, help_text="Name of the creative.")
    rule_id = serializers.CharField(help_text="The rule; docs/action-center.md describes each.")
    title = serializers.CharField(help_text="What the rule looks for, in a few words.")
    severity = serializers.ChoiceField(choices=Finding.SEVERITIES, help_text="How grave it is.")
    sentence = serializers.CharField(help_text="What was found.")
    evidence = EvidenceSerializer(many=True, help_text="The facts that it rests on.")
    why = serializers.CharField(help_text="Why it matters.")
    remedy = serializers.CharField(help_text="What to do in Campaign Manager.")
    money_at_stake = serializers.DecimalField(
        **_AMOUNT, source="money.amount", help_text="Money it is about, a decimal string; what it means says stake."
    )
    stake = serializers.CharField(help_text="What money_at_stake means.")
    currency = serializers.CharField(allow_null=True, help_text="ISO code of the amounts: the ad account's.")
    state = serializers.ChoiceField(choices=Finding.State.choices, help_text="How it stands.")
    assignee = serializers.EmailField(
        source="assignee_email", allow_null=True, help_text="Who takes care of it; null where nobody does."
    )
    snoozed_until = serializers.DateField(allow_null=True, help_text="UTC day on which a snoozed one is open again.")
    accepted_reason = serializers.CharField(allow_null=True, help_text="Why an accepted one may stay.")
    fixed_at = serializers.DateTimeField(allow_null=True, help_text="The sync at which its cause was gone, UTC.")
    saved = serializers.DecimalField(
        **_AMOUNT, source="saved.amount", help_text="What was at stake when it was last seen before the fix."
    )
    first_seen_at = serializers.DateTimeField(help_text="The sync at which it was found first, UTC.")
    last_seen_at = serializers.DateTimeField(help_text="The last sync at which it was found, UTC.")
    reopened_at = serializers.DateTimeField(allow_null=True, help_text="When it was last opened again, UTC.")
    changed_at = serializers.DateTimeField(help_text="When anything but last_seen_at last changed, UTC.")
    times_seen = serializers.IntegerField(help_text="How often its cause came up (count).")

    class Meta:
        model = Finding


class StoredFindingSerializer(Described):
    """A finding as it is stored, without the words of its rule and without people."""

    account_id = serializers.IntegerField(source="ad_account_id", help_text="LinkedIn's id of the ad account.")
    campaign_id = serializers.IntegerField(allow_null=True, help_text="LinkedIn's id of the campaign.")
    creative_id = serializers.CharField(allow_null=True, help_text="URN of the creative, if it is about one.")
    severity = serializers.ChoiceField(choices=Finding.SEVERITIES, help_text="How grave it is.")
    evidence = EvidenceSerializer(many=True, help_text="The facts that it rests on.")
    money_at_stake = serializers.DecimalField(
        **_AMOUNT, help_text="Money it is about, a decimal string; what it means depends on the rule."
    )
    state = serializers.ChoiceField(
        choices=Finding.State.choices, help_text="How it stands; a snoozed one is open again from snoozed_until on."
    )
    accepted_reason = serializers.CharField(allow_null=True, help_text="Why an accepted one may stay.")

    class Meta:
        model = Finding
        fields = (
            "id", "account_id", "campaign_id", "creative_id", "rule_id", "severity", "sentence", "evidence",
            "money_at_stake", "currency", "state", "snoozed_until", "accepted_reason", "fixed_at", "saved",
            "first_seen_at", "last_seen_at", "reopened_at", "changed_at", "times_seen",
        )  # fmt: skip


class FindingDetailSerializer(FindingSerializer):
    """A finding with its history."""

    history = HistorySerializer(many=True, help_text="What became of it, oldest first; the newest hundred entries.")


class AssignSerializer(Wish):
    assignee = serializers.EmailField(
        allow_null=True, help_text="E-mail address of an active owner, manager or analyst; null for nobody."
    )


class SnoozeSerializer(Wish):
    until = serializers.DateField(help_text="UTC day on which it is open again: tomorrow to a year ahead.")


class AcceptSerializer(Wish):
    reason = serializers.CharField(max_length=1000, help_text="Why it may stay.")


class NothingToDecide(APIException):
    status_code = 409
    default_detail = "This finding is fixed: its cause is gone, and there is nothing to decide."
    remedy = "Wait whether its cause comes back; it is open again then."


@described("findings", _ORDERS, one="a finding", about_order="severity: the gravest first, of these the dearest.")
class Findings(Table):
    """What the audit found and what people decided about it."""

    is_conditional = False  # people decide at any moment
    serializer_class = FindingSerializer
    changed_row_class = StoredFindingSerializer
    filterset_class = FindingFilters
    of_account = "ad_account"
    permission_classes = (IsAuthenticated, WithinTokenScope, MayChangeFindings)
    orders = _ORDERS

    def get_queryset(self) -> QuerySet[Finding]:
        return visible_findings(self.ad_accounts, today=timezone.now().date())

    @extend_schema(responses=FindingDetailSerializer, parameters=[])
    def retrieve(self, request: Request, pk: Any) -> Response:
        refuse_unknown(request, ["format"])
        with bounded_statements():
            return Response(self._shown(pk))

    @extend_schema(summary="Assign a finding", request=AssignSerializer, responses=FindingDetailSerializer)
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: int) -> Response:
        """To somebody, or to nobody; a fixed one too. Needs an owner, manager or analyst; by token read_and_change."""
        assignee = AssignSerializer.read(request)["assignee"]
        return self._decide(pk, findings.assign, "assignee", to=_person(assignee))

    @extend_schema(summary="Snooze a finding", request=SnoozeSerializer, responses=FindingDetailSerializer)
    @action(detail=True, methods=["post"])
    def snooze(self, request: Request, pk: int) -> Response:
        """Quiet until a day. Needs an owner, manager or analyst; by token read_and_change."""
        return self._decide(pk, findings.snooze, "until", **SnoozeSerializer.read(request))

    @extend_schema(summary="Accept a finding", request=AcceptSerializer, responses=FindingDetailSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: int) -> Response:
        """Live with it for a reason. Needs an owner, manager or analyst; by token read_and_change."""
        return self._decide(pk, findings.accept, "reason", **AcceptSerializer.read(request))

    @extend_schema(summary="Reopen a finding", request=None, responses=FindingDetailSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: int) -> Response:
        """Open again what is snoozed or accepted. Needs an owner, manager or analyst; by token read_and_change."""
        return self._decide(pk, findings.reopen)

    def _decide(self, pk: int, decide: Callable[..., int], field: str = "", **wish: Any) -> Response:
        self._row(pk)
        try:
            changed = decide([pk], by=self.person, now=timezone.now(), **wish)
        except findings.BadWish as error:
            raise ValidationError({field: [str(error)]}) from None
        shown = self._shown(pk)
        if not changed and shown["state"] == Finding.State.FIXED and field != "assignee":
            raise NothingToDecide
        return Response(shown)

    def _shown(self, pk: int) -> dict[str, Any]:
        return dict(FindingDetailSerializer(finding_line(self._row(pk))).data)

    def _row(self, pk: int) -> Finding:
        found: Finding | None = self.get_queryset().filter(pk=pk).first()
        if found is None:
            raise Http404("There is no such finding, or you may not see its ad account.")
        return found

    def _ordered(self, rows: QuerySet[Finding], order: Order) -> QuerySet[Finding]:
        return rows.order_by(*order.order_by) if order.columns else graver_first(rows)

    def _page(self, rows: QuerySet[Finding], order: Order) -> Response:
        columns = list(self.columns)
        page = self.paginate_queryset(self._ordered(rows, order)) or []
        return self.get_paginated_response([_values(finding_line(row), columns) for row in page])

    def file(self, rows: QuerySet[Finding], order: Order) -> HttpResponseBase:
        assert self.file_format
        columns = list(self.columns)
        lines = map(finding_line, self._ordered(rows, order).iterator(chunk_size=500))
        cells = partial(_cells, columns=columns, is_flat=self.file_format != "ndjson")
        return download(self.file_format, self.basename, columns, map(cells, lines))


def _values(line: FindingLine, columns: list[str]) -> dict[str, Any]:
    shown = FindingSerializer(line).data
    return {name: shown[name] for name in columns}


def _cells(line: FindingLine, *, columns: list[str], is_flat: bool) -> list[Any]:
    """Amounts as numbers, and evidence in words where a cell holds one value."""
    values = _values(line, columns)
    for name in {"money_at_stake", "saved"} & values.keys():
        values[name] = values[name] and Decimal(values[name])
    if is_flat and "evidence" in values:
        values["evidence"] = "; ".join(f"{fact['label']}: {fact['value']}" for fact in values["evidence"])
    return list(values.values())


def _person(email: str | None) -> User | None:
    if email is None:
        return None
    person = assignees().filter(email__iexact=email).first()
    if person is None:
        raise ValidationError({"assignee": ["Name an active owner, manager or analyst; nobody else takes findings."]})
    return person
