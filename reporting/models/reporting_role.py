"""Database roles for BI tools, and which ad accounts each may read."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class ReportingRole(models.Model):
    """One PostgreSQL role that reads the views of docs/bi.md; `reporting/operations/bi_roles.py` is the only writer.

    The views look up here what `current_user` may see: a role without a row sees nothing.
    """

    personal_data: frozenset[str] = frozenset()

    name = models.CharField(max_length=63, primary_key=True, help_text="name of the role in PostgreSQL")
    ad_account_ids = ArrayField(
        models.BigIntegerField(), null=True, help_text="ad accounts it reads; empty = all, including future ones"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "reporting_roles"

    def __str__(self) -> str:
        return self.name
