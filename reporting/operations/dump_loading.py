"""A dump of pg_dump into the database, whichever supported version of PostgreSQL made it and whichever receives it.

The newest pg_restore at hand turns the dump into statements, and psql runs them in one transaction. Between them, the
settings at the beginning go that the receiving server does not know: pg_restore 18 sets `transaction_timeout`, which
PostgreSQL 16 refuses.
"""

import re
import subprocess
import tempfile
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import AbstractContextManager, closing, suppress
from threading import Thread
from typing import IO, Final, cast

from django.db import connection

from reporting.operations import backup_file, postgresql_programs
from reporting.operations.database_objects import LeftOut

# An entry of a dump: its number, two ids of PostgreSQL, what it is, its schema, its name with its owner.
_ENTRY: Final = re.compile(r"^\d+; \d+ \d+ (?P<kind>[A-Z][A-Z ]*[A-Z]) (?P<schema>\S+) (?P<name>.*)$")
_COMMENT_ON: Final = re.compile(r"^[A-Z][A-Z ]*[A-Z] ")
_SETTING: Final = re.compile(rb"^SET (\w+) = ")
_FIRST_OBJECT: Final = b"-- Name: "
_PLACE: Final = re.compile(r"^psql:\S+?:\d+: ")
_Opener = Callable[[], AbstractContextManager[IO[bytes]]]


class DumpNotLoaded(Exception):
    """Nothing was loaded; the message is PostgreSQL's own."""


def load(dump: _Opener, *, made_with: int, without: Collection[LeftOut]) -> None:
    """Everything but the schemas themselves and these objects; `made_with` is the major version of pg_dump.

    Raises DumpNotLoaded and postgresql_programs.ProgramMissing.
    """
    with tempfile.NamedTemporaryFile("w") as wanted:
        listed = postgresql_programs.newest("pg_restore", "--list", at_least=made_with)
        for entry in _output_of(listed, dump):
            if _is_wanted(entry.decode(), without):
                wanted.write(entry.decode())
        wanted.flush()
        options = ("--no-owner", "--no-privileges", f"--use-list={wanted.name}", "--file=-")
        with closing(_output_of(postgresql_programs.newest("pg_restore", *options), dump)) as statements:
            _run(_understood(statements))


def _output_of(command: list[str], dump: _Opener) -> Generator[bytes, None, None]:
    """Line by line. Raises DumpNotLoaded at the end of a program that failed."""
    with dump() as source, tempfile.TemporaryFile() as messages:
        program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=messages)
        feeder = Thread(target=_feed, args=(source, cast("IO[bytes]", program.stdin)))
        feeder.start()
        try:
            yield from cast("IO[bytes]", program.stdout)
        except GeneratorExit:
            program.kill()
            raise
        finally:
            feeder.join()
            program.wait()
            cast("IO[bytes]", program.stdout).close()
        if program.returncode != 0:
            raise DumpNotLoaded(f"pg_restore failed ({_first_line(messages)})")


def _feed(source: IO[bytes], program: IO[bytes]) -> None:
    # A program that only lists what a dump holds leaves most of it unread.
    with suppress(BrokenPipeError), program:
        backup_file.copy_chunks(source, program.write)


def _is_wanted(entry: str, without: Collection[LeftOut]) -> bool:
    found = _ENTRY.match(entry)
    # Schemas and extensions lie in no schema themselves.
    if found is None or found["schema"] == "-":
        return False
    name = found["name"]
    if found["kind"] == "COMMENT":
        name = _COMMENT_ON.sub("", name)
    return not any(one.schema == found["schema"] and name.startswith(one.beginnings()) for one in without)


def _understood(statements: Iterator[bytes]) -> Iterator[bytes]:
    """Without settings, at the beginning, that the server does not know."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_settings")
        known = {name.encode() for (name,) in cursor.fetchall()}
    for line in statements:
        setting = _SETTING.match(line)
        if not setting or setting[1] in known:
            yield line
        if line.startswith(_FIRST_OBJECT):
            break
    yield from statements


def _run(statements: Iterator[bytes]) -> None:
    command = postgresql_programs.newest_at_the_database(
        "psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--file=-"
    )
    with tempfile.TemporaryFile() as messages:
        psql = subprocess.Popen(
            command, env=postgresql_programs.environment(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=messages,
        )  # fmt: skip
        stdin = cast("IO[bytes]", psql.stdin)
        try:
            # Also where the database is set to be read only.
            stdin.write(b"SET TRANSACTION READ WRITE;\n")
            for statement in statements:
                stdin.write(statement)
        except BrokenPipeError:
            pass  # its message says why it ended
        except BaseException:
            # Before its input ends: then it would commit what it has.
            psql.kill()
            raise
        finally:
            with suppress(BrokenPipeError):
                stdin.close()
            psql.wait()
        if psql.returncode != 0:
            raise DumpNotLoaded(f"psql failed ({_PLACE.sub('', _first_line(messages))})")


def _first_line(messages: IO[bytes]) -> str:
    messages.seek(0)
    lines = messages.read().decode(errors="replace").strip().splitlines()
    return lines[0] if lines else "no reason given"
