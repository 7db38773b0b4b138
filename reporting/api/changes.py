"""The change feed: what a copy elsewhere needs to stay equal to a table."""

from collections.abc import Callable, Collection
from typing import Any, ClassVar

from django.db.models import Model
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access
from reporting.api.pagination import MAX_PAGE_SIZE, PAGE_SIZE, page_size
from reporting.api.schema import ProblemSerializer
from reporting.api.views import View, bounded_statements, refuse_unknown
from reporting.change_feed import cursors
from reporting.change_feed.feed import next_page
from reporting.queries.changes import Change, Feed

_AFTER = OpenApiParameter(
    "after",
    str,
    description="`next_cursor` of the reply before, which you stored with its rows; without it from the beginning.",
)
_SIZE = OpenApiParameter(
    "page_size",
    {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE},
    description="Changes per reply at most.",
)


class Gone(APIException):
    """A cursor from which changes can no longer be read."""

    status_code = 410
    default_detail = "Start over."
    remedy = "Start over: ask without `after`, and replace your copy by what you get."


class ChangeFeed(View):
    """Adds `changes` to the list of a table."""

    # The fields that name a row, as a unique index of the table has their columns.
    feed_key: ClassVar[tuple[str, ...]] = ("id",)
    # What a changed row shows, where that is not what the list shows.
    changed_row_class: ClassVar[type[serializers.BaseSerializer[Any]] | None] = None
    of_account: ClassVar[str]

    @action(detail=False, is_conditional=False, has_figures=False, filterset_class=None, pagination_class=None)
    def changes(self, request: Request) -> Response:
        """Rows that were written or deleted, in the order in which their transactions began; at first all stored rows.

        Store `next_cursor` with the rows of its reply and continue from there, immediately while `has_more`. A row may
        come again, unchanged or newer. Unlike copies made with `fetched_at_from`, these lose nothing.
        """
        refuse_unknown(request, ["after", "page_size", "format"])
        size = page_size(request)
        columns = stored_columns(type(self))
        with bounded_statements():
            try:
                page = next_page(
                    self._feed(),
                    request.query_params.get("after"),
                    columns=columns,
                    visible=self._visible(),
                    size=size,
                    now=timezone.now(),
                )
            except cursors.BadCursor:
                message = "Not a valid cursor of this table; start over without one."
                raise ValidationError({"after": [message]}) from None
            except cursors.StartOver as reason:
                raise Gone(f"{reason} Start over.") from None
        return Response(
            {
                "results": [_shown(change, hidden=self.hidden_fields) for change in page.changes],
                "next_cursor": page.next_cursor,
                "has_more": page.has_more,
                "committed_through": page.committed_through,
            }
        )

    @property
    def hidden_fields(self) -> Collection[str]:
        """Those that are null for this person."""
        return ()

    def _feed(self) -> Feed:
        columns = stored_columns(type(self))
        key = {name: str(columns[name]) for name in self.feed_key}
        return Feed(_model(type(self)), key, self.of_account)

    def _visible(self) -> tuple[int, ...] | None:
        if access.sees_every_ad_account(self.request.user):
            return None
        return tuple(sorted(self.ad_accounts.values_list("pk", flat=True)))


def _shown(change: Change, *, hidden: Collection[str]) -> dict[str, object]:
    row = None if change.row is None else {**change.row, **dict.fromkeys(hidden)}
    return {"op": "delete" if row is None else "upsert", "key": change.key, "row": row}


def stored_columns(view: type[ChangeFeed]) -> dict[str, str]:
    """The fields that are columns of the table itself, and these columns.

    What a list reads through another table is left out: it changes without this row.
    """
    fields: dict[str, Any] = _row_class(view)().fields
    return {name: field.source for name, field in fields.items() if "." not in field.source}


def _row_class(view: type[ChangeFeed]) -> Any:
    return view.changed_row_class or view.serializer_class  # type: ignore[attr-defined]


def _model(view: type[ChangeFeed]) -> type[Model]:
    model: type[Model] = _row_class(view).Meta.model
    return model


def describes_changes(view: type[ChangeFeed], noun: str) -> Callable[..., Any]:
    """What the OpenAPI document says of a table's changes."""
    return extend_schema(
        summary=f"List changes of {noun}",
        parameters=[_AFTER, _SIZE],
        responses={
            200: _page_serializer(view),
            410: OpenApiResponse(ProblemSerializer, description="The cursor is too old: start over without one."),
        },
    )


def _page_serializer(view: type[ChangeFeed]) -> type[serializers.Serializer[Any]]:
    """`{results: [{op, key, row}], …}` with the columns of this table."""
    name = _row_class(view).__name__.removesuffix("Serializer")
    key = _part(view, f"{name}Key", view.feed_key)
    row = _part(view, f"Stored{name}", tuple(stored_columns(view)))
    change = type(
        f"{name}ChangeSerializer",
        (serializers.Serializer,),
        {
            "__doc__": "A row that was written or deleted.",
            "op": serializers.ChoiceField(
                choices=["upsert", "delete"], help_text="upsert: store the row in place of the one with this key."
            ),
            "key": key(help_text="The columns that name the row."),
            "row": row(allow_null=True, help_text="The row as it is now; null where it was deleted."),
        },
    )
    return type(
        f"{name}ChangesSerializer",
        (serializers.Serializer,),
        {
            "__doc__": "A page of the change feed.",
            "results": change(many=True, help_text="In the order in which to apply them; may be empty."),
            "next_cursor": serializers.CharField(help_text="`after` of the next request, at once or tomorrow."),
            "has_more": serializers.BooleanField(help_text="Whether more is there already."),
            "committed_through": serializers.DateTimeField(
                allow_null=True,
                help_text=(
                    "Once has_more is false, the copy holds all that was stored before then, UTC. Usually now; minutes"
                    " ago where a transaction of the database has been open for so long. Null where it is unknown."
                ),
            ),
        },
    )


def _part(view: type[ChangeFeed], name: str, fields: tuple[str, ...]) -> type[serializers.Serializer[Any]]:
    row_class = _row_class(view)
    meta = type("Meta", (row_class.Meta,), {"fields": fields})
    part: type[serializers.Serializer[Any]] = type(f"{name}Serializer", (row_class,), {"Meta": meta})
    return part
