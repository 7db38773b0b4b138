"""The change feed waits for transactions of its own database, no longer for those of the whole server."""

from pathlib import Path
from typing import Final

from django.db import migrations

_OF_THIS_DATABASE: Final = (Path(__file__).parent / "sql/horizon_of_this_database.sql").read_text()
_OF_THE_SERVER: Final = """
CREATE OR REPLACE FUNCTION change_horizon() RETURNS bigint LANGUAGE sql AS
    'SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint + public.change_mark_offset()';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("reporting", "0014_days_dated_ahead_are_not_covered"),
    ]

    operations = [migrations.RunSQL(_OF_THIS_DATABASE, _OF_THE_SERVER)]
