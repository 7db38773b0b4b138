"""Names that LinkedIn gave for URNs, so that none is looked up twice."""

from django.db import models


class UrnName(models.Model):
    """One URN and its name; no name means that it was looked up and LinkedIn gave none."""

    personal_data: frozenset[str] = frozenset()

    urn = models.CharField(max_length=255, primary_key=True)
    name = models.TextField(null=True, blank=True)
    looked_up_at = models.DateTimeField()
    refusals = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="how often in a row LinkedIn refused to look it up; each time it waits longer",
    )

    class Meta:
        db_table = "urn_names"
        verbose_name = "URN name"

    def __str__(self) -> str:
        return self.name or self.urn
