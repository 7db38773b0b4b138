"""Roles for BI tools: what they may read, what they are refused, how they are made, changed and dropped."""

import base64
import hashlib
import hmac
import io
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command, execute_from_command_line
from django.db import connection

from accounts.audit.sentences import sentence
from accounts.models import AuditEvent
from reporting.models import ReportingRole
from reporting.operations import bi_limits, bi_roles
from reporting.operations.bi_roles import RoleRefused
from tests.builders import (
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_creative,
    make_creative_day,
    make_segment,
)
from tests.reporting.operations.reading_role import connected_as, made_role, read_as

VIEWS = (
    "reporting_campaign_daily",
    "reporting_creative_daily",
    "reporting_account_daily",
    "reporting_demographics_monthly",
)
# No right, or a view that nobody could write through.
REFUSALS = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ObjectNotInPrerequisiteState,
    psycopg.errors.WrongObjectType,
)


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("create_reporting_role", *words, stdout=out)
    return out.getvalue()


def role_row(name: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolpassword, rolconnlimit"
            " FROM pg_authid WHERE rolname = %s",
            [name],
        )
        names = [column.name for column in cursor.description]
        return next((dict(zip(names, row, strict=True)) for row in cursor.fetchall()), {})


def opens(password: str, verifier: str) -> bool:
    """As the server checks it (RFC 5802)."""
    _, salted, keys = verifier.split("$")
    rounds, salt = salted.split(":")
    secret = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(rounds))
    client_key = hmac.digest(secret, b"Client Key", "sha256")
    return base64.b64encode(hashlib.sha256(client_key).digest()).decode() == keys.split(":")[0]


def make_figures() -> int:
    """Of a new ad account, one row in each view."""
    ad_account = make_ad_account()
    creative = make_creative(campaign=make_campaign(account=ad_account))
    make_campaign_day(campaign=creative.campaign)
    make_creative_day(creative=creative)
    make_segment(account=ad_account)
    return ad_account.pk


def seen_by(role: str) -> list[set[int]]:
    return [{row["ad_account_id"] for row in read_as(role, f"SELECT ad_account_id FROM {view}")} for view in VIEWS]


# --- what a role reads ---


@pytest.mark.django_db(transaction=True)
def test_a_role_reads_every_view_and_ad_accounts_that_come_later():
    first = make_figures()
    with made_role() as role:
        assert seen_by(role) == [{first}] * 4
        second = make_figures()
        assert seen_by(role) == [{first, second}] * 4


@pytest.mark.django_db(transaction=True)
def test_a_role_reads_the_ad_accounts_it_is_held_to_until_that_changes():
    granted, other = make_figures(), make_figures()
    with made_role(ad_account_ids=[granted]) as role:
        assert seen_by(role) == [{granted}] * 4
        # A new password is no reason to show more.
        assert bi_roles.save(role, new_password=True).ad_account_ids == [granted]
        assert seen_by(role) == [{granted}] * 4
        bi_roles.save(role, ad_account_ids=[other])
        assert seen_by(role) == [{other}] * 4
        bi_roles.save(role, every_ad_account=True)
        assert seen_by(role) == [{granted, other}] * 4


@pytest.mark.django_db(transaction=True)
def test_a_role_of_another_origin_sees_nothing_though_it_was_let_in():
    make_figures()
    with made_role() as role:
        ReportingRole.objects.filter(pk=role).delete()
        assert seen_by(role) == [set()] * 4


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("view", VIEWS)
def test_a_function_of_the_asker_is_not_tried_on_hidden_rows(view):
    """A temporary function that tells what it is shown, and claims to be cheaper than any condition of ours."""
    granted, hidden = make_figures(), make_figures()
    heard: list[str] = []
    with made_role(ad_account_ids=[granted]) as role, connected_as(role) as other:
        other.add_notice_handler(lambda notice: heard.append(str(notice.message_primary)))
        other.execute("SET default_transaction_read_only = off")
        # An index would not meet hidden rows at all; without one, only the barrier keeps the cheapest from going first.
        for plan in ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"):
            other.execute(f"SET {plan} = off")
        other.execute(
            "CREATE FUNCTION pg_temp.told(bigint) RETURNS boolean LANGUAGE plpgsql COST 0.0000001"
            " AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$"
        )
        other.execute(f"SELECT * FROM {view} WHERE pg_temp.told(ad_account_id)")
        # The server may notice the end of a session later than the role is dropped.
        other.execute("DROP FUNCTION pg_temp.told")
    assert str(granted) in heard
    assert str(hidden) not in heard


# --- what it is refused ---


@pytest.mark.django_db(transaction=True)
def test_a_role_is_refused_at_every_table_whatever_it_tries():
    tables = connection.introspection.table_names(include_views=True)
    assert {"linkedin_connections", "api_tokens", "users", "sync_log", "reporting_visible_ad_accounts"} <= set(tables)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        [(schema,)] = cursor.fetchall()
    with made_role() as role, connected_as(role) as other:
        # Anybody may end the read-only mode that their transactions begin in: what holds are missing rights.
        other.execute("SET default_transaction_read_only = off")
        for table in tables:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                other.execute(f'SELECT * FROM {schema}."{table}"')
            for statement in ("DELETE FROM {}", "TRUNCATE {}", "INSERT INTO {} DEFAULT VALUES"):
                with pytest.raises(REFUSALS):
                    other.execute(statement.format(f'{schema}."{table}"'))
        for view in VIEWS:
            for statement in (
                "DELETE FROM {}",
                "UPDATE {} SET spend = 0",
                "INSERT INTO {} DEFAULT VALUES",
                "DROP VIEW {}",
            ):
                with pytest.raises(REFUSALS):
                    other.execute(statement.format(view))
        for statement in (
            "SELECT rolpassword FROM pg_authid",
            f"CREATE TABLE {schema}.mine (id int)",
            "CREATE TABLE reporting.mine (id int)",
            "CREATE SCHEMA mine",
            "SET ROLE postgres",
            "SELECT pg_read_file('/etc/passwd')",
            "COPY (SELECT 1) TO '/tmp/mine'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                other.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_a_roles_transactions_are_read_only_and_bounded_to_begin_with():
    with made_role() as role, connected_as(role) as other:
        told = [other.execute(f"SHOW {one}").fetchone() for one in bi_limits.SETTINGS]
        assert told == [("on",), ("5min",), ("5min",), ("reporting",)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            other.execute("CREATE TEMPORARY TABLE mine (id int)")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("open_to_all", "remedy"),
    [
        ("GRANT SELECT ON campaigns TO PUBLIC", "REVOKE ALL ON campaigns FROM PUBLIC"),
        ("GRANT SELECT (email) ON users TO PUBLIC", "REVOKE ALL ON users FROM PUBLIC"),
        ("GRANT DELETE ON users TO PUBLIC", "REVOKE ALL ON users FROM PUBLIC"),
        ("GRANT CREATE ON SCHEMA public TO PUBLIC", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"),
    ],
)
def test_no_role_is_made_where_everybody_may_do_more_than_it_should(open_to_all, remedy):
    with connection.cursor() as cursor:
        cursor.execute(open_to_all)
    with pytest.raises(RoleRefused, match=re.escape(f"As an administrator run `{remedy}`")):
        bi_roles.save("bi_of_all")
    assert not role_row("bi_of_all")
    assert not AuditEvent.objects.exists()


# --- large objects ---

# Each stores one, in its own way, or writes into one that is there.
STORES_A_LARGE_OBJECT = (
    "SELECT lo_creat(-1)",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_import('/etc/hostname')",
    "SELECT lo_put({}, 0, 'x')",
    "SELECT lowrite(lo_open({}, 131072), 'x')",
    "SELECT lo_truncate(lo_open({}, 131072), 1000000)",
    "SELECT lo_truncate64(lo_open({}, 131072), 1000000)",
)


@pytest.fixture
def large_objects_for_everybody():
    """As a server is installed."""
    functions = "lo_creat, lo_create, lo_from_bytea, lo_put, lo_truncate, lo_truncate64, lowrite"
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT EXECUTE ON FUNCTION {functions} TO PUBLIC")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"REVOKE EXECUTE ON FUNCTION {functions} FROM PUBLIC")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("large_objects_for_everybody")
def test_a_role_stores_no_large_objects(settings):
    """Where the database is ours alone, the right is taken from everybody."""
    settings.EMBEDDED_SERVERS = replace(settings.EMBEDDED_SERVERS, postgresql=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT lo_create(0)")
        [(ours,)] = cursor.fetchall()
        cursor.execute(f"GRANT ALL ON LARGE OBJECT {ours} TO PUBLIC")
    with made_role() as role, connected_as(role) as other:
        other.execute("SET default_transaction_read_only = off")
        for statement in STORES_A_LARGE_OBJECT:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                other.execute(statement.format(ours))
    with connection.cursor() as cursor:
        cursor.execute("SELECT lo_unlink(%s)", [ours])
        cursor.execute("SELECT count(*) FROM pg_largeobject_metadata")
        assert cursor.fetchall() == [(0,)]


@pytest.mark.django_db
@pytest.mark.usefixtures("large_objects_for_everybody")
def test_on_a_server_of_others_an_administrator_takes_that_right(settings):
    settings.EMBEDDED_SERVERS = replace(settings.EMBEDDED_SERVERS, postgresql=False)
    with pytest.raises(CommandError, match="could fill the disk with large objects") as refused:
        run("bi_of_others")
    assert "--allow-large-objects accepts that" in str(refused.value)
    assert not role_row("bi_of_others")
    [statements] = re.findall(r"run `(.*)`", str(refused.value))
    with connection.cursor() as cursor:
        cursor.execute(statements)
    assert "Created the role bi_of_others" in run("bi_of_others")


@pytest.mark.django_db
@pytest.mark.usefixtures("large_objects_for_everybody")
def test_where_nobody_can_take_it_that_is_accepted(settings):
    settings.EMBEDDED_SERVERS = replace(settings.EMBEDDED_SERVERS, postgresql=False)
    assert "Created the role bi_managed" in run("bi_managed", "--allow-large-objects")


# --- limits that a role can lift ---

AT_ONCE = timedelta(0)
LIFTED = (
    "ALTER ROLE {role} SET statement_timeout = 0",
    "ALTER ROLE {role} SET idle_in_transaction_session_timeout = 0",
    "ALTER ROLE {role} SET default_transaction_read_only = off",
    "ALTER ROLE {role} IN DATABASE {database} SET statement_timeout = 0",
    "ALTER ROLE {role} SET work_mem = '10GB'",
    "ALTER ROLE {role} RESET ALL",
)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lifting", LIFTED)
def test_what_a_role_changed_for_good_is_set_back(lifting):
    with made_role() as role:
        assert bi_limits.enforce() == (0, 0)
        with connected_as(role) as other:
            other.execute("SET default_transaction_read_only = off")
            other.execute(lifting.format(role=role, database=connection.settings_dict["NAME"]))
        assert bi_limits.enforce() == (0, 1)
        assert bi_limits.enforce() == (0, 0)
        with connected_as(role) as other:
            told = {one: other.execute(f"SHOW {one}").fetchone() for one in (*bi_limits.SETTINGS, "work_mem")}
        assert told["statement_timeout"] == told["idle_in_transaction_session_timeout"] == ("5min",)
        assert (told["default_transaction_read_only"], told["search_path"]) == (("on",), ("reporting",))
        assert told["work_mem"] != ("10GB",)


@pytest.mark.django_db(transaction=True)
def test_a_session_that_keeps_a_transaction_open_is_ended():
    with made_role() as role, psycopg.connect(**place(), user=role) as other:
        other.execute("SET idle_in_transaction_session_timeout = 0")
        assert bi_limits.enforce() == (0, 0)
        assert bi_limits.enforce(idle_in_transaction=AT_ONCE) == (1, 0)
        with pytest.raises(psycopg.OperationalError):
            other.execute("SELECT 1")


@pytest.mark.django_db(transaction=True)
def test_a_session_that_works_for_too_long_is_ended():
    with made_role() as role, connected_as(role) as other:
        other.execute("SET statement_timeout = 0")
        assert bi_limits.enforce(statement=AT_ONCE) == (0, 0), "it waits"
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(other.execute, "SELECT pg_sleep(60)")
            ended = 0
            while not ended and not asked.done():
                ended, _ = bi_limits.enforce(statement=AT_ONCE)
            with pytest.raises(psycopg.OperationalError):
                asked.result(timeout=10)


def place() -> dict[str, Any]:
    at = connection.settings_dict
    return {"host": at["HOST"], "port": at["PORT"] or None, "dbname": at["NAME"]}


@pytest.mark.django_db(transaction=True)
def test_only_bi_roles_are_held_to_these_limits():
    at = connection.settings_dict
    with made_role(), psycopg.connect(**place(), user=at["USER"] or None, password=at["PASSWORD"] or None) as other:
        other.execute("SELECT 1")
        assert bi_limits.enforce(idle_in_transaction=AT_ONCE) == (0, 0)
        other.execute("SELECT 1")


@pytest.mark.django_db
def test_without_bi_roles_nothing_is_looked_for(django_assert_num_queries):
    with django_assert_num_queries(1):
        assert bi_limits.enforce() == (0, 0)


@pytest.mark.django_db
def test_who_creates_a_role_without_being_a_superuser_may_end_its_sessions():
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE ROLE may_make_roles CREATEROLE; ALTER SCHEMA reporting OWNER TO may_make_roles;"
            " GRANT ALL ON ALL TABLES IN SCHEMA public TO may_make_roles;"
            " GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO may_make_roles"
        )
        for view in VIEWS:
            cursor.execute(f"ALTER VIEW reporting.{view} OWNER TO may_make_roles")
        cursor.execute("SET ROLE may_make_roles")
        run("bi_small")
        cursor.execute("SELECT pg_has_role('bi_small', 'USAGE'), pg_has_role('bi_small', 'SET')")
        assert cursor.fetchall() == [(True, False)]
        assert bi_limits.enforce() == (0, 0)
        cursor.execute("RESET ROLE; ALTER ROLE bi_small SET statement_timeout = 0; SET ROLE may_make_roles")
        assert bi_limits.enforce() == (0, 1)
        assert "Dropped the role" in run("bi_small", "--drop")
        cursor.execute("RESET ROLE")


# --- the command ---


@pytest.mark.django_db
def test_the_password_is_told_once_and_kept_as_a_digest():
    said = run("bi_told")
    [password] = re.findall(r"shown only now: (\S+)", said)
    row = role_row("bi_told")
    assert len(password) >= 32
    assert opens(password, row["rolpassword"])
    assert (row["rolcanlogin"], row["rolsuper"], row["rolcreaterole"], row["rolcreatedb"]) == (
        True,
        False,
        False,
        False,
    )
    assert row["rolconnlimit"] == 20

    assert "assword" not in run("bi_told")
    assert role_row("bi_told") == row, "saying it again changes nothing"
    [another] = re.findall(r"shown only now: (\S+)", run("bi_told", "--new-password"))
    assert another != password
    assert opens(another, role_row("bi_told")["rolpassword"])


@pytest.mark.django_db
def test_a_password_can_be_brought_along(tmp_path, monkeypatch):
    file = tmp_path / "password"
    file.write_text("correct horse battery\nand more\n")
    assert "correct horse" not in run("bi_brought", "--password-file", str(file))
    assert opens("correct horse battery", role_row("bi_brought")["rolpassword"])
    monkeypatch.setattr("sys.stdin", io.StringIO("staple battery horse\n"))
    run("bi_brought", "--password-file", "-")
    assert opens("staple battery horse", role_row("bi_brought")["rolpassword"])


@pytest.mark.django_db
def test_the_audit_trail_tells_of_every_change():
    ad_account = make_ad_account()
    run("bi_told")
    run("bi_told", "--ad-account", str(ad_account.pk))
    run("bi_told", "--drop")
    events = AuditEvent.objects.order_by("pk")
    assert [sentence(one) for one in events] == [
        "Somebody at the command line made the database role bi_told; ad accounts that it reads: all",
        f"Somebody at the command line changed the database role bi_told; ad accounts that it reads: {ad_account.pk}",
        "Somebody at the command line dropped the database role bi_told; ad accounts that it reads: none",
    ]
    assert not role_row("bi_told")
    assert not ReportingRole.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["Bi"], "not a valid role name", 2),
        (["pg_bi"], "not a valid role name", 2),
        (["b" * 64], "not a valid role name", 2),
        (["bi; DROP TABLE users"], "not a valid role name", 2),
        (["bi", "--drop", "--new-password"], "--drop takes only the name", 2),
        (["bi", "--drop"], "no role bi that was created here", 1),
        (["postgres"], "The role postgres exists and was not created here", 1),
        (["bi", "--ad-account", "404"], "Ad account 404 is not known", 1),
        (["bi", "--password-file", "/nowhere"], "cannot be read from /nowhere", 1),
        (["bi", "--password-file", "/dev/null"], "needs at least 12 characters", 1),
    ],
)
def test_what_cannot_be_is_one_sentence(words, said, code):
    with pytest.raises(CommandError, match=re.escape(said)) as refused:
        run(*words)
    assert refused.value.returncode == code
    assert not ReportingRole.objects.exists()


@pytest.mark.parametrize("words", [[], ["bi", "--ad-account", "x"], ["bi", "--all-ad-accounts", "--ad-account", "1"]])
def test_wrong_usage_ends_with_2(words):
    """As typed: from a command line the parser itself ends."""
    with pytest.raises(SystemExit) as refused:
        execute_from_command_line(["manage.py", "create_reporting_role", *words])
    assert refused.value.code == 2


@pytest.mark.django_db(transaction=True)
def test_a_role_that_still_owns_something_is_not_half_dropped():
    with made_role() as role, connected_as(role) as other:
        other.execute("SET default_transaction_read_only = off")
        other.execute("CREATE TEMPORARY TABLE mine (id int)")
        with pytest.raises(RoleRefused, match="still owns something"):
            bi_roles.drop(role)
        assert other.execute("SELECT count(*) FROM reporting_campaign_daily").fetchone() == (0,)
        other.execute("DROP TABLE mine")


@pytest.mark.django_db
def test_a_user_who_may_make_no_roles_is_told_who_can():
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE may_little; GRANT ALL ON reporting_roles TO may_little; SET ROLE may_little")
        with pytest.raises(CommandError) as refused:
            run("bi")
        cursor.execute("RESET ROLE")
    assert refused.value.returncode == 1
    assert 'run `ALTER ROLE "may_little" CREATEROLE`, then try again' in str(refused.value)
    assert "permission denied to create role" in str(refused.value)


@pytest.mark.django_db
def test_a_user_who_may_make_roles_needs_to_be_no_superuser():
    """Of a database whose schema and views are theirs, as migrating makes them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE ROLE may_make_roles CREATEROLE; ALTER SCHEMA reporting OWNER TO may_make_roles;"
            " GRANT ALL ON ALL TABLES IN SCHEMA public TO may_make_roles;"
            " GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO may_make_roles"
        )
        for view in VIEWS:
            cursor.execute(f"ALTER VIEW reporting.{view} OWNER TO may_make_roles")
        cursor.execute("SET ROLE may_make_roles")
        assert "Created the role bi_small" in run("bi_small")
        assert "Changed the role bi_small" in run("bi_small", "--new-password")
        assert "Dropped the role" in run("bi_small", "--drop")
        cursor.execute("RESET ROLE")
    assert not role_row("bi_small")
