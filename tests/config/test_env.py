"""Every variable has a type and bounds; errors name it and what it should hold; secrets are generated once."""

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import unquote

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from config import env
from config.env import Environment

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def read(monkeypatch) -> Callable[..., Environment]:
    """What is read from these variables alone."""
    for name in Environment.model_fields:
        monkeypatch.delenv(name, raising=False)

    def read_with(**variables: str) -> Environment:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return Environment.read()

    return read_with


def refusal(read: Callable[..., Environment], **variables: str) -> str:
    with pytest.raises(ImproperlyConfigured) as error:
        read(**variables)
    return str(error.value)


@pytest.mark.parametrize(("value", "read_as"), [("", "202607"), ("  ", "202607"), (" 2026 07 ", "2026 07")])
def test_empty_counts_as_not_set(read, value, read_as):
    assert read().LINKEDIN_API_VERSION == "202607"
    assert read_as == read(LINKEDIN_API_VERSION=value).LINKEDIN_API_VERSION


@pytest.mark.parametrize(("value", "read_as"), [("", 30), ("0", 0), (" 10 ", 10), ("3650", 3650)])
def test_whole_numbers_are_read(read, value, read_as):
    assert read_as == read(LOOKBACK_DAYS=value).LOOKBACK_DAYS


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("many", "it should be a valid integer, unable to parse string as an integer"),
        ("1.5", "it should be a valid integer, unable to parse string as an integer"),
        ("3651", "it should be less than or equal to 3650"),
        ("-1", "it should be greater than or equal to 0"),
    ],
)
def test_a_wrong_number_is_refused_by_name_with_what_it_should_be(read, value, advice):
    assert refusal(read, LOOKBACK_DAYS=value) == f"LOOKBACK_DAYS is '{value}'; {advice}."


def test_every_wrong_variable_is_named_at_once(read):
    lines = refusal(read, LOOKBACK_DAYS="many", SYNC_CONCURRENCY="33", DEBUG="perhaps").splitlines()
    assert [line.split()[0] for line in lines] == ["DEBUG", "LOOKBACK_DAYS", "SYNC_CONCURRENCY"]


@pytest.mark.parametrize("value", ["1", "true", "Yes", "ON"])
def test_the_usual_spellings_of_true_are_read(read, value):
    assert read(BEHIND_PROXY=value).BEHIND_PROXY is True


@pytest.mark.parametrize("value", ["0", "FALSE", "no", "off"])
def test_the_usual_spellings_of_false_are_read(read, value):
    assert read(EMAIL_USE_TLS=value).EMAIL_USE_TLS is False


def test_other_spellings_of_a_boolean_are_refused(read):
    assert (read().EMAIL_USE_TLS, read().BEHIND_PROXY) == (True, False)
    assert refusal(read, DEBUG="maybe").startswith("DEBUG is 'maybe'; it should be a valid boolean")


def test_one_of_a_few_words_is_read_in_any_case(read):
    assert (read(LOG_LEVEL="INFO").LOG_LEVEL, read(LOG_FORMAT="Json").LOG_FORMAT) == ("info", "json")
    assert refusal(read, LOG_LEVEL="loud") == (
        "LOG_LEVEL is 'loud'; it should be 'debug', 'info', 'warning' or 'error'."
    )
    assert refusal(read, LOG_LEVEL="info", LOG_FORMAT="xml") == "LOG_FORMAT is 'xml'; it should be 'text' or 'json'."


def test_lists_have_no_empty_entries(read):
    assert read().ALLOWED_HOSTS == []
    assert read(ALLOWED_HOSTS=" a, ,b,").ALLOWED_HOSTS == ["a", "b"]


def test_an_address_loses_the_slash_at_its_end(read):
    assert read(LINKEDIN_API_BASE_URL="http://127.0.0.1:8100/").LINKEDIN_API_BASE_URL == "http://127.0.0.1:8100"


@pytest.mark.parametrize("value", ["api.linkedin.com", "ftp://api.linkedin.com", "https://", "https://[::1"])
def test_a_wrong_address_is_refused_with_an_example(read, value):
    assert refusal(read, LINKEDIN_API_BASE_URL=value) == (
        f"LINKEDIN_API_BASE_URL is '{value}'; give an address such as https://ads.example.com."
    )


@pytest.mark.parametrize("value", ["https://ads.example.com/path", "https://me@ads.example.com", "https://a.example?b"])
def test_an_origin_refuses_what_would_be_lost(read, value):
    assert refusal(read, SITE_URL=value) == (
        f"SITE_URL is '{value}'; give it without user, path or query, such as https://ads.example.com."
    )


def test_the_origin_of_an_address(read):
    assert read(SITE_URL="https://ads.example.com:8443/").SITE_URL == "https://ads.example.com:8443"
    assert env.origin_of("https://www.linkedin.com/oauth/v2?x=1") == "https://www.linkedin.com"


def test_a_key_prefix_holds_nothing_that_valkey_reads_as_a_pattern(read):
    assert read(REDIS_KEY_PREFIX="ads-production:").REDIS_KEY_PREFIX == "ads-production:"
    assert refusal(read, REDIS_KEY_PREFIX="ads*").startswith("REDIS_KEY_PREFIX is 'ads*'; ")


# --- the database ---


def test_database_settings_read_a_postgresql_address():
    address = "postgresql://maria:p%40ss@db.example.com:6432/ads?sslmode=require"
    settings = env.database_settings(address, password="")
    assert [settings[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME", "OPTIONS")] == [
        "maria", "p@ss", "db.example.com", 6432, "ads", {"sslmode": "require"},
    ]  # fmt: skip


def test_a_socket_may_be_the_host_and_a_pooler_may_lack_cursors():
    settings = env.database_settings(
        "postgresql://maria@/ads?host=/run/postgresql&DISABLE_SERVER_SIDE_CURSORS=true", password=""
    )
    assert (settings["HOST"], settings["PORT"], settings["OPTIONS"]) == ("/run/postgresql", "", {})
    assert settings["DISABLE_SERVER_SIDE_CURSORS"] is True


@pytest.mark.parametrize(
    "value",
    [
        "mysql://root:geheim@db/ads",
        "sqlite:///ads.db",
        "ads",
        "host=db password=geheim",
        "postgresql://u:geheim@db:x/ads",
        "postgresql://[::1/ads",
    ],
)
def test_a_wrong_database_is_refused_with_the_shape_but_no_password(value):
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_URL must look like postgresql://") as error:
        env.database_settings(value, password="")
    assert "geheim" not in str(error.value)


def test_the_password_of_the_database_may_be_given_separately():
    settings = env.database_settings("postgresql://maria@db.example.com/ads", password="p@ss:word/%")
    assert [settings[key] for key in ("USER", "PASSWORD", "HOST", "NAME")] == [
        "maria",
        "p@ss:word/%",
        "db.example.com",
        "ads",
    ]


def test_two_passwords_of_the_database_are_refused_and_neither_is_shown():
    with pytest.raises(ImproperlyConfigured) as error:
        env.database_settings("postgresql://maria:geheim@db.example.com/ads", password="verborgen")
    assert str(error.value) == "DATABASE_URL holds a password and DATABASE_PASSWORD is set; remove one."


def test_databases_have_different_key_prefixes_and_passwords_do_not_matter():
    prefixes = {
        env.key_prefix_of(env.database_settings(address, password=""))
        for address in ("postgresql://a@one/ads", "postgresql://b:c@one/ads", "postgresql://a@two/ads")
    }
    assert len(prefixes) == 2
    assert all(re.fullmatch(r"linkedin-ads:[0-9a-f]{12}:", prefix) for prefix in prefixes)


# --- secrets ---


def test_a_secret_is_the_variable_or_what_its_file_holds(read, tmp_path):
    assert read(METRICS_TOKEN=" in the open ").METRICS_TOKEN == "in the open"
    (tmp_path / "secret").write_text("in a file\n")
    assert read(METRICS_TOKEN="", METRICS_TOKEN_FILE=str(tmp_path / "secret")).METRICS_TOKEN == "in a file"
    (tmp_path / "secret").write_text("\n")
    assert read().METRICS_TOKEN == ""


def test_a_secret_from_two_places_is_refused_and_neither_is_shown(read, tmp_path):
    (tmp_path / "secret").write_text("verborgen")
    assert refusal(read, METRICS_TOKEN="geheim", METRICS_TOKEN_FILE=str(tmp_path / "secret")) == (
        "METRICS_TOKEN and METRICS_TOKEN_FILE are both set; remove one of them."
    )


@pytest.mark.parametrize(("name", "why"), [("missing", "No such file or directory"), ("", "Is a directory")])
def test_a_file_of_a_secret_that_cannot_be_read_is_named(read, tmp_path, name, why):
    message = refusal(read, METRICS_TOKEN_FILE=str(tmp_path / name))
    assert message.startswith(f"METRICS_TOKEN_FILE names {tmp_path / name}, which cannot be read ({why}); name a ")


def test_a_file_of_a_secret_that_is_no_text_is_refused(read, tmp_path):
    (tmp_path / "secret").write_bytes(b"\xff\xfe")
    assert "cannot be read (not text)" in refusal(read, METRICS_TOKEN_FILE=str(tmp_path / "secret"))


def test_secrets_are_not_shown(read):
    assert "geheim" not in repr(read(LINKEDIN_CLIENT_SECRET="geheim", DATABASE_URL="geheim", REDIS_URL="geheim"))


def test_a_generated_secret_stays_the_same_and_only_its_owner_may_read_it(tmp_path):
    data_dir = tmp_path / "not" / "there" / "yet"
    first = env.generated_secret("SECRET_KEY", data_dir, may_generate=True)
    assert len(first) >= 50
    assert env.generated_secret("SECRET_KEY", data_dir, may_generate=True) == first
    key = env.generated_secret("FIELD_ENCRYPTION_KEYS", data_dir, may_generate=True)
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"x")) == b"x"
    assert [path.name for path in data_dir.iterdir()] == ["secrets.json"]
    assert stat.S_IMODE((data_dir / "secrets.json").stat().st_mode) == 0o600


def test_production_makes_no_secret_of_its_own(tmp_path):
    with pytest.raises(ImproperlyConfigured, match=r"^SECRET_KEY is not set; production needs it"):
        env.generated_secret("SECRET_KEY", tmp_path, may_generate=False)
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_that_cannot_be_one_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match=r"^DATA_DIR .*file/data cannot be used \(Not a directory\); make"):
        env.generated_secret("SECRET_KEY", tmp_path / "file" / "data", may_generate=True)


# Waits for the others to be ready too, then reads the secret; without Django, so that many start quickly.
READER = """
import sys
from pathlib import Path
from config import env
print("ready", flush=True)
sys.stdin.readline()
print(env.generated_secret("SECRET_KEY", Path(sys.argv[1]), may_generate=True))
"""


@pytest.mark.installation
@pytest.mark.installation
def test_many_first_processes_at_once_agree_on_one_secret(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", READER, str(tmp_path / "data")]
    readers = [
        subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    for reader in readers:
        assert stream(reader.stdout).readline() == "ready\n"
    for reader in readers:
        stream(reader.stdin).write("\n")
        stream(reader.stdin).flush()
    printed = {reader.communicate(timeout=30)[0].strip() for reader in readers}
    stored = json.loads((tmp_path / "data" / "secrets.json").read_text())
    assert printed == {stored["SECRET_KEY"]}
    assert len(list((tmp_path / "data").iterdir())) == 1


def stream(pipe: IO[str] | None) -> IO[str]:
    assert pipe
    return pipe


# --- .env ---


@pytest.fixture
def read_file(read, monkeypatch, tmp_path) -> Callable[[str], Environment]:
    """What is read from a file of this content."""
    monkeypatch.setattr(os, "environ", dict(os.environ))

    def read_content(content: str) -> Environment:
        (tmp_path / "env").write_text(content)
        os.environ["ENV_FILE"] = str(tmp_path / "env")
        return Environment.read()

    return read_content


def test_the_usual_ways_to_write_a_line_are_read(read_file):
    found = read_file(
        "# a comment\n\nexport EMAIL_HOST=mail.example.com\nLINKEDIN_CLIENT_SECRET = a=b#c\n"
        'LINKEDIN_SCOPES=\'r_ads r_ads_reporting\'  # both\nEMAIL_HOST_USER="a \\"user\\""\nMETRICS_TOKEN=\n'
        "SOMETHING_ELSE=kept\n"
    )
    assert (found.EMAIL_HOST, found.LINKEDIN_CLIENT_SECRET) == ("mail.example.com", "a=b#c")
    assert (found.LINKEDIN_SCOPES, found.EMAIL_HOST_USER) == ("r_ads r_ads_reporting", 'a "user"')
    assert found.METRICS_TOKEN == ""
    # Proxies and the like are read by the libraries themselves.
    assert os.environ["SOMETHING_ELSE"] == "kept"


def test_the_environment_wins_over_the_file(read_file):
    os.environ["EMAIL_HOST"] = "of.the.environment"
    assert read_file("EMAIL_HOST=of.the.file\n").EMAIL_HOST == "of.the.environment"


@pytest.mark.parametrize(
    "line",
    [
        "LINKEDIN_CLIENT_SECRET geheim",
        "LINKEDIN_CLIENT_SECRET: geheim",
        "LINKEDIN_CLIENT_SECRET='geheim",
        'LINKEDIN_CLIENT_SECRET="geheim"geheim',
        "geheim",
        "LINKEDIN CLIENT SECRET=geheim",
        "=geheim",
    ],
)
def test_a_line_that_is_not_understood_is_refused_with_its_number_and_not_shown(read_file, tmp_path, capfd, line):
    with pytest.raises(ImproperlyConfigured) as error:
        read_file(f"# first\nEMAIL_HOST=mail.example.com\n\n  \n{line}\nEMAIL_PORT=25\n")
    assert str(error.value).startswith(f"{tmp_path / 'env'}, line 5, is not understood; write NAME=value")
    assert "geheim" not in str(error.value) + "".join(capfd.readouterr())


def test_a_file_that_cannot_be_read_is_refused_and_a_missing_one_is_none(read, monkeypatch, tmp_path):
    read(ENV_FILE=str(tmp_path / "missing"))
    (tmp_path / "env").write_bytes(b"\xff\xfe")
    assert refusal(read, ENV_FILE=str(tmp_path / "env")).startswith(
        f"ENV_FILE names {tmp_path / 'env'}, which cannot be read (not text)"
    )


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
    "REDIS_PASSWORD": "REDIS_URL",
    "LINKEDIN_CLIENT_SECRET": "LINKEDIN_CLIENT_SECRET",
    "LINKEDIN_LOGIN_CLIENT_SECRET": "LINKEDIN_LOGIN_CLIENT_SECRET",
    "AUDIT_WEBHOOK_URL": "AUDIT_WEBHOOK_URL",
    "AUDIT_WEBHOOK_SECRET": "AUDIT_WEBHOOK_SECRET",
    "METRICS_TOKEN": "METRICS_TOKEN",
    "EMAIL_HOST_PASSWORD": "EMAIL_HOST_PASSWORD",
}


@pytest.mark.installation
def test_every_secret_may_lie_in_a_file(tmp_path):
    """In one process: each value reaches its setting, and the addresses of both databases from files as well."""
    files = {}
    addresses = {"DATABASE_URL": PRODUCTION["DATABASE_URL"], "REDIS_URL": "redis://valkey.example.com\n"}
    for name in [*SECRETS, *addresses]:
        path = tmp_path / name
        path.write_text(addresses.get(name, f"held by {name}\n"))
        files[f"{name}_FILE"] = str(path)
    settings = ", ".join(f"settings.{setting}" for setting in SECRETS.values())
    done = settings_with(tmp_path, code=f"from config import settings; print({settings})", **files)
    assert done.stderr == ""
    for name in SECRETS:
        # Spaces are encoded in an address.
        assert f"held by {name}" in unquote(done.stdout), name
    assert "db.example.com" in done.stdout
    assert "@valkey.example.com" in done.stdout


@pytest.mark.installation
def test_a_checkout_without_any_variable_starts(tmp_path):
    done = settings_with(tmp_path)
    assert (done.stdout, done.stderr) == ("['127.0.0.1', 'localhost'] False\n", "")
