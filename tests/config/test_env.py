"""The typed readers name the variable and what it should hold; secrets are made once."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from config import env

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "SOME_VARIABLE"


@pytest.fixture
def given(monkeypatch) -> Callable[[str | None], None]:
    """Sets the variable, or takes it away."""

    def give(value: str | None) -> None:
        if value is None:
            monkeypatch.delenv(NAME, raising=False)
        else:
            monkeypatch.setenv(NAME, value)

    return give


@pytest.mark.parametrize(("value", "read"), [(None, "usual"), ("", "usual"), ("  ", "usual"), (" x y ", "x y")])
def test_text_takes_empty_for_not_set(given, value, read):
    given(value)
    assert env.text(NAME, "usual") == read


@pytest.mark.parametrize(("value", "read"), [(None, 7), ("", 7), ("0", 0), (" 10 ", 10)])
def test_integer_reads_whole_numbers(given, value, read):
    given(value)
    assert env.integer(NAME, 7, at_least=0, at_most=10) == read


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("many", "SOME_VARIABLE is 'many'; give a whole number such as 7."),
        ("1.5", "SOME_VARIABLE is '1.5'; give a whole number such as 7."),
        ("11", "SOME_VARIABLE is 11; give a number from 0 to 10."),
        ("-1", "SOME_VARIABLE is -1; give a number from 0 to 10."),
    ],
)
def test_integer_names_the_variable_and_what_it_takes(given, value, said):
    given(value)
    with pytest.raises(ImproperlyConfigured) as error:
        env.integer(NAME, 7, at_least=0, at_most=10)
    assert str(error.value) == said


@pytest.mark.parametrize("value", ["1", "true", "Yes", "ON"])
def test_boolean_reads_the_usual_spellings_of_true(given, value):
    given(value)
    assert env.boolean(NAME, False) is True


@pytest.mark.parametrize("value", ["0", "FALSE", "no", "off"])
def test_boolean_reads_the_usual_spellings_of_false(given, value):
    given(value)
    assert env.boolean(NAME, True) is False


def test_boolean_has_a_default_and_refuses_the_rest(given):
    given(None)
    assert (env.boolean(NAME, True), env.boolean(NAME, False)) == (True, False)
    given("maybe")
    with pytest.raises(ImproperlyConfigured, match=r"^SOME_VARIABLE is 'maybe'; give true or false.$"):
        env.boolean(NAME, True)


def test_texts_drops_empty_entries(given):
    given(" a, ,b,")
    assert env.texts(NAME) == ["a", "b"]
    given(None)
    assert (env.texts(NAME), env.texts(NAME, "c,d")) == ([], ["c", "d"])


def test_url_loses_the_slash_at_its_end(given):
    given("http://127.0.0.1:8100/")
    assert env.url(NAME, "https://api.linkedin.com") == "http://127.0.0.1:8100"


@pytest.mark.parametrize("value", ["api.linkedin.com", "ftp://api.linkedin.com", "https://", "https://[::1"])
def test_url_names_the_variable_and_an_example(given, value):
    given(value)
    with pytest.raises(ImproperlyConfigured, match=r"^SOME_VARIABLE is .*; give an address such as https://api\."):
        env.url(NAME, "https://api.linkedin.com")


def test_database_reads_a_postgresql_address(given):
    given("postgresql://maria:p%40ss@db.example.com:6432/ads")
    read = env.database(NAME, password="")
    assert [read[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")] == [
        "maria", "p@ss", "db.example.com", 6432, "ads",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        "mysql://root:geheim@db/ads",
        "sqlite:///ads.db",
        "ads",
        "postgresql://u:geheim@db:x/ads",
        "postgresql://[::1/ads",
    ],
)
def test_database_names_the_variable_and_the_shape_but_no_password(given, value):
    given(value)
    with pytest.raises(ImproperlyConfigured, match=r"^SOME_VARIABLE must look like postgresql://") as error:
        env.database(NAME, password="")
    assert "geheim" not in str(error.value)


def test_database_takes_a_password_that_comes_by_itself(given):
    given("postgresql://maria@db.example.com/ads")
    read = env.database(NAME, password="p@ss:word/%")
    assert [read[key] for key in ("USER", "PASSWORD", "HOST", "NAME")] == [
        "maria",
        "p@ss:word/%",
        "db.example.com",
        "ads",
    ]


def test_database_refuses_two_passwords_and_says_neither(given):
    given("postgresql://maria:geheim@db.example.com/ads")
    with pytest.raises(ImproperlyConfigured) as error:
        env.database(NAME, password="verborgen")
    assert str(error.value) == "SOME_VARIABLE holds a password and DATABASE_PASSWORD gives one; take one away."


# --- secrets ---


def test_secret_is_the_variable_or_what_its_file_holds(given, monkeypatch, tmp_path):
    given(" in the open ")
    assert env.secret(NAME) == "in the open"
    given(None)
    assert env.secret(NAME) == ""
    (tmp_path / "secret").write_text("in a file\n")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "secret"))
    assert env.secret(NAME) == "in a file"
    (tmp_path / "secret").write_text("\n")
    assert env.secret(NAME) == ""


def test_secret_refuses_two_sources_and_says_neither(given, monkeypatch, tmp_path):
    given("geheim")
    (tmp_path / "secret").write_text("verborgen")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "secret"))
    with pytest.raises(ImproperlyConfigured) as error:
        env.secret(NAME)
    assert str(error.value) == "SOME_VARIABLE and SOME_VARIABLE_FILE are both set; take one of them away."


@pytest.mark.parametrize(("name", "why"), [("missing", "No such file or directory"), ("", "Is a directory")])
def test_secret_names_the_file_that_cannot_be_read(given, monkeypatch, tmp_path, name, why):
    given(None)
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / name))
    with pytest.raises(ImproperlyConfigured) as error:
        env.secret(NAME)
    assert str(error.value).startswith(f"SOME_VARIABLE_FILE leads to {tmp_path / name}, which cannot be read ({why});")


def test_secret_refuses_a_file_that_is_no_text(given, monkeypatch, tmp_path):
    given(None)
    (tmp_path / "secret").write_bytes(b"\xff\xfe")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "secret"))
    with pytest.raises(ImproperlyConfigured, match=r"cannot be read \(not text\)"):
        env.secret(NAME)


@pytest.fixture
def no_secrets_given(monkeypatch) -> None:
    for name in ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS"):
        monkeypatch.delenv(name, raising=False)


def test_a_given_secret_is_taken_and_nothing_is_written(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_KEY", "given")
    assert env.local_secret("SECRET_KEY", tmp_path / "data", may_generate=False) == "given"
    assert not (tmp_path / "data").exists()


@pytest.mark.usefixtures("no_secrets_given")
def test_a_generated_secret_stays_the_same_and_only_its_owner_may_read_it(tmp_path):
    data_dir = tmp_path / "not" / "there" / "yet"
    first = env.local_secret("SECRET_KEY", data_dir, may_generate=True)
    assert len(first) >= 50
    assert env.local_secret("SECRET_KEY", data_dir, may_generate=True) == first
    key = env.local_secret("FIELD_ENCRYPTION_KEYS", data_dir, may_generate=True)
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"x")) == b"x"
    assert [path.name for path in data_dir.iterdir()] == ["secrets.json"]
    assert stat.S_IMODE((data_dir / "secrets.json").stat().st_mode) == 0o600


@pytest.mark.usefixtures("no_secrets_given")
def test_production_makes_no_secret_of_its_own(tmp_path):
    with pytest.raises(ImproperlyConfigured, match=r"^SECRET_KEY is not set; production needs it"):
        env.local_secret("SECRET_KEY", tmp_path, may_generate=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_secrets_given")
def test_a_data_folder_that_cannot_be_one_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match=r"^DATA_DIR .*file/data cannot be used \(Not a directory\); make"):
        env.local_secret("SECRET_KEY", tmp_path / "file" / "data", may_generate=True)


# Waits for the others to be ready too, then reads the secret; without Django, so that many start quickly.
READER = """
import sys
from pathlib import Path
from config import env
print("ready", flush=True)
sys.stdin.readline()
print(env.local_secret("SECRET_KEY", Path(sys.argv[1]), may_generate=True))
"""


@pytest.mark.installation
def test_many_first_processes_at_once_agree_on_one_secret(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "SECRET_KEY": ""}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", READER, str(tmp_path / "data")]
    readers = [subprocess.Popen(command, cwd=REPOSITORY, env=environment, **pipes) for _ in range(6)]
    for reader in readers:
        assert reader.stdout
        assert reader.stdout.readline() == "ready\n"
    for reader in readers:
        assert reader.stdin
        reader.stdin.write("\n")
        reader.stdin.flush()
    said = {reader.communicate(timeout=30)[0].strip() for reader in readers}
    stored = json.loads((tmp_path / "data" / "secrets.json").read_text())
    assert said == {stored["SECRET_KEY"]}
    assert len(list((tmp_path / "data").iterdir())) == 1


@pytest.mark.parametrize("value", ["https://ads.example.com/path", "https://me@ads.example.com", "https://a.example?b"])
def test_origin_refuses_what_would_be_lost(given, value):
    given(value)
    with pytest.raises(ImproperlyConfigured) as error:
        env.origin(NAME, "http://127.0.0.1:8000")
    assert "SOME_VARIABLE" in str(error.value)
    assert "such as http://127.0.0.1:8000" in str(error.value)


def test_origin_and_host_of_an_address(given):
    given("https://ads.example.com:8443/")
    assert env.origin(NAME, "http://127.0.0.1:8000") == "https://ads.example.com:8443"
    assert env.origin_of("https://www.linkedin.com/oauth/v2?x=1") == "https://www.linkedin.com"
    assert env.host_of("https://ads.example.com:8443") == "ads.example.com"


# --- settings ---


READ_SETTINGS = "from config import settings; print(settings.ALLOWED_HOSTS, settings.DEBUG)"


def settings_with(tmp_path: Path, *, code: str = READ_SETTINGS, **changes: str) -> subprocess.CompletedProcess[str]:
    """Reads the settings as a process with exactly this environment."""
    base = {
        "PATH": os.environ["PATH"],
        "ENV_FILE": os.devnull,
        "DATA_DIR": str(tmp_path),
        "PYTHONPATH": str(REPOSITORY),
    }
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=REPOSITORY, env=base | changes, capture_output=True, text=True, timeout=60, check=False
    )


PRODUCTION = {"DATABASE_URL": "postgresql://ads@db.example.com/ads"}


@pytest.mark.installation
@pytest.mark.parametrize(
    ("changes", "missing"),
    [({}, "SECRET_KEY"), ({"SECRET_KEY": "x"}, "FIELD_ENCRYPTION_KEYS")],
)
def test_production_does_not_start_without_its_secrets(tmp_path, changes, missing):
    done = settings_with(tmp_path, **PRODUCTION, **changes)
    assert done.returncode == 1
    assert f"{missing} is not set; production needs it in the environment" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.installation
def test_production_with_its_secrets_starts_and_trusts_the_host_of_its_site_alone(tmp_path):
    secrets = {"SECRET_KEY": "x", "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    done = settings_with(tmp_path, **PRODUCTION, **secrets, SITE_URL="https://ads.example.com:8443")
    assert (done.stdout, done.stderr) == ("['ads.example.com'] False\n", "")


SECRETS = {
    "SECRET_KEY": "SECRET_KEY",
    "FIELD_ENCRYPTION_KEYS": "FIELD_ENCRYPTION_KEYS",
    "DATABASE_PASSWORD": "DATABASES",
    "REDIS_URL": "REDIS_URL",
    "LINKEDIN_CLIENT_SECRET": "LINKEDIN_CLIENT_SECRET",
    "LINKEDIN_LOGIN_CLIENT_SECRET": "LINKEDIN_LOGIN_CLIENT_SECRET",
    "METRICS_TOKEN": "METRICS_TOKEN",
    "EMAIL_HOST_PASSWORD": "EMAIL_HOST_PASSWORD",
}


@pytest.mark.installation
def test_every_secret_may_lie_in_a_file(tmp_path):
    """In one process: each value reaches its setting, and the address of the database from a file as well."""
    files = {}
    for name in [*SECRETS, "DATABASE_URL"]:
        path = tmp_path / name
        path.write_text(PRODUCTION["DATABASE_URL"] if name == "DATABASE_URL" else f"held by {name}\n")
        files[f"{name}_FILE"] = str(path)
    settings = ", ".join(f"settings.{setting}" for setting in SECRETS.values())
    done = settings_with(tmp_path, code=f"from config import settings; print({settings})", **files)
    assert done.stderr == ""
    for name in SECRETS:
        assert f"held by {name}" in done.stdout, name
    assert "db.example.com" in done.stdout


@pytest.mark.installation
def test_a_checkout_without_any_variable_starts(tmp_path):
    done = settings_with(tmp_path)
    assert (done.stdout, done.stderr) == ("['127.0.0.1', 'localhost'] False\n", "")
