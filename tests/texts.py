"""Every text that the database holds, to search it for what must not be there."""

from django.db import connection as database

_TEXT_COLUMNS = """
    SELECT table_name, column_name FROM information_schema.columns
    JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
    AND data_type IN ('text', 'character varying', 'json', 'jsonb', 'ARRAY', 'bytea')
"""


def every_text_in_the_database() -> dict[str, str]:
    """By table and column."""
    found = {}
    with database.cursor() as cursor:
        cursor.execute(_TEXT_COLUMNS)
        for table, column in cursor.fetchall():
            cursor.execute(f'SELECT string_agg("{column}"::text, chr(10)) FROM "{table}"')
            [text] = cursor.fetchone()
            found[f"{table}.{column}"] = text or ""
    return found
