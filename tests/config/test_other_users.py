"""Another user of this machine can read nothing of ours, connect to nothing and stop nothing, whatever the umask is."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from config import embedded
from config.embedded import EmbeddedServerError, EmbeddedServers
from tests.config.test_embedded import REPOSITORY, UserOfServers, servers_of
from tests.migrated import copy_migrated_cluster, fresh_environment
from tests.stranger import is_reachable, listens_on, open_to_others, stranger, tried

pytestmark = pytest.mark.installation
NOTHING: dict[str, list[Any]] = {"listed": [], "read": [], "written": [], "connected": [], "environments": []}


@pytest.fixture
def folder() -> Iterator[Path]:
    """That everybody may enter, so that only the service's own rights keep others out."""
    path = Path(tempfile.mkdtemp(prefix="others-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def run(data_dir: Path, *command: str, **options: Any) -> str:
    """With the umask that keeps nothing from anybody."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=REPOSITORY,
        # So that Valkey keeps a file, too.
        env={**fresh_environment(data_dir), "EMBEDDED_THROW_AWAY": "false"},
        umask=0,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_stranger_gets_at_nothing_of_the_embedded_servers(folder: Path) -> None:
    data_dir = folder / "data"
    user = UserOfServers(data_dir, umask=0)
    assert user.said.startswith("holding 18")
    servers = servers_of(data_dir)
    # The settings of the databases have been read: they listen on sockets alone.
    assert [listens_on(one) for one in servers] == [[] for _ in servers]
    assert is_reachable(data_dir / "sockets/valkey.sock")
    assert tried(data_dir, processes=[one.pid for one in servers]) == NOTHING
    assert list(open_to_others(data_dir)) == []
    user.leave()


@pytest.mark.slow
def test_a_folder_of_an_earlier_version_is_closed(folder: Path) -> None:
    data_dir = folder / "data"
    for one in ("", "valkey", "sockets"):
        (data_dir / one).mkdir(mode=0o755)
        (data_dir / one).chmod(0o755)
    user = UserOfServers(data_dir, umask=0)
    assert user.said.startswith("holding 18")
    assert tried(data_dir) == NOTHING
    assert list(open_to_others(data_dir)) == []
    user.leave()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["data", "x" * 120])
def test_nobody_else_becomes_a_role_of_the_database(folder: Path, name: str) -> None:
    """Even where the socket can be reached: the kernel says who connects."""
    person = stranger()
    servers = EmbeddedServers(data_dir=folder / name, postgresql=True, valkey=False, throw_away=True)
    user = UserOfServers(folder / name)
    assert user.said.startswith("holding 18")
    sockets = Path(str(servers.database_settings()["HOST"]))
    with psycopg.connect(host=str(sockets), user="postgres", dbname="postgres", autocommit=True) as owner:
        owner.execute("CREATE ROLE bi LOGIN")
        found = owner.execute("SELECT auth_method FROM pg_hba_file_rules").fetchall()
        assert {method for (method,) in found} == {"peer"}
    if os.geteuid() == 0:
        folder.chmod(0o755)
        for one in {sockets, sockets.parent, folder / name}:
            one.chmod(0o755)
        (sockets / ".s.PGSQL.5432").chmod(0o777)
        for role in ("postgres", "bi", "pgserver"):
            code = f"import socket, struct; s = socket.socket(socket.AF_UNIX); s.connect('{sockets}/.s.PGSQL.5432');"
            code += f"m = struct.pack('!i', 196608) + b'user\\0{role}\\0database\\0postgres\\0\\0';"
            code += "s.sendall(struct.pack('!i', len(m) + 4) + m); print(s.recv(4096))"
            said = subprocess.run(
                ["/usr/bin/python3", "-c", code], cwd="/", capture_output=True, text=True, check=False, **person
            )
            assert "28000" in said.stdout, "invalid authorization specification"
    user.leave()


@pytest.mark.slow
def test_a_stranger_gets_at_nothing_of_a_whole_installation(folder: Path) -> None:
    """Keys, databases, snapshots, backups, logs of the demo, each written with the umask 0."""
    data_dir = folder / "data"
    copy_migrated_cluster(data_dir)
    run(data_dir, "manage.py", "migrate", "--verbosity", "0")
    made_up = "from tests.builders import make_campaign_day; print(make_campaign_day().campaign.account_id)"
    ad_account_id = run(data_dir, "manage.py", "shell", "--no-imports", "--command", made_up).split()[-1]
    out = folder / "out"
    out.mkdir()
    out.chmod(0o755)
    run(data_dir, "manage.py", "snapshot", ad_account_id, "--out", str(out / "snapshot.json"))
    run(data_dir, "manage.py", "snapshot", ad_account_id)
    run(data_dir, "manage.py", "backup", str(out / "backup.tar"))
    for name in ("secrets.json", "snapshots", "postgresql/server.log"):
        assert (data_dir / name).exists()
    found = tried(folder)
    assert [one for kind in found.values() for one in kind] == [str(folder), str(out)], "these were open before"
    assert list(open_to_others(data_dir)) == []
    assert [stat.S_IMODE(one.stat().st_mode) for one in out.iterdir()] == [0o600, 0o600]


def test_settings_leave_nothing_to_others() -> None:
    code = "import os; import config.settings; print(oct(os.umask(0)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, umask=0, capture_output=True, text=True, check=True
    )
    assert done.stdout == "0o77\n"


@pytest.mark.slow
def test_static_files_can_be_served_by_anybody(folder: Path) -> None:
    code = (
        "import django; from django.conf import settings; django.setup(); settings.STATIC_ROOT = '%s';"
        "from django.core.management import call_command; call_command('collectstatic', verbosity=0, interactive=False)"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code % (folder / "static")],
        cwd=REPOSITORY,
        env={**fresh_environment(folder / "data"), **environment},
        check=False,
    )
    assert done.returncode == 0
    collected = [folder / "static", *(folder / "static").rglob("*")]
    assert len(collected) > 100
    assert {stat.S_IMODE(one.stat().st_mode) for one in collected} == {0o755, 0o644}


# --- the folder for sockets elsewhere ---


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch, folder: Path) -> EmbeddedServers:
    """Servers whose data directory is too long for sockets; temporary files go to a folder of everybody."""
    everybodys = folder / "tmp"
    everybodys.mkdir()
    everybodys.chmod(0o1777)
    monkeypatch.setattr(tempfile, "tempdir", str(everybodys))
    return EmbeddedServers(data_dir=folder / ("x" * 120), postgresql=False, valkey=True, throw_away=True)


def test_the_folder_for_sockets_is_ours_and_its_name_is_anybodys_guess(long: EmbeddedServers) -> None:
    first = long._socket_dir
    assert first == EmbeddedServers(data_dir=long.data_dir, postgresql=True, valkey=True)._socket_dir
    long._make_socket_dir()
    assert (first.stat().st_uid, stat.S_IMODE(first.stat().st_mode)) == (os.geteuid(), 0o700)
    other = EmbeddedServers(data_dir=long.data_dir.with_name("y" * 120), postgresql=True, valkey=True)
    assert other._socket_dir != first
    assert list(open_to_others(long.data_dir)) == []


def plant_folder(at: Path) -> None:
    subprocess.run(["/bin/mkdir", "-m", "777", str(at)], check=True, **stranger())


def plant_link(at: Path) -> None:
    """To a folder of ours: today it leads to where we are, tomorrow to a server of theirs."""
    ours = at.parent.parent / "ours"
    ours.mkdir(exist_ok=True)
    subprocess.run(["/bin/ln", "-s", str(ours), str(at)], check=True, **stranger())


def plant_file(at: Path) -> None:
    subprocess.run(["/usr/bin/touch", str(at)], check=True, **stranger())


@pytest.mark.parametrize("plant", [plant_folder, plant_link, plant_file])
def test_what_a_stranger_made_in_its_place_is_not_used_and_stops_nothing(long: EmbeddedServers, plant: Any) -> None:
    """They know the name of a folder that was there before the machine was restarted."""
    before = long._socket_dir
    plant(before)
    try:
        long.hold()
        assert long._socket_dir != before
        assert long._valkey_answers()
        assert is_reachable(long._valkey_socket)
        assert not before.is_dir() or not list(before.iterdir())
    finally:
        long.release()


@pytest.mark.parametrize("plant", [plant_folder, plant_link])
def test_what_a_stranger_makes_at_the_last_moment_is_refused(long: EmbeddedServers, plant: Any) -> None:
    folder = long._socket_dir
    kept = (long.data_dir / "socket-folder").read_text()
    plant(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmbeddedServers, "_socket_dir", folder)
        with pytest.raises(EmbeddedServerError, match="belongs to another user"):
            long.hold()
    assert (long.data_dir / "socket-folder").read_text() == kept


# --- root ---


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root's folders are opened for the server")
def test_closed_folders_are_opened_for_the_server_alone(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    user = UserOfServers(closed / "data")
    assert user.said.startswith("holding 18")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o710
    assert closed.group() == "pgserver"
    assert tried(closed)["listed"] == tried(closed)["read"] == tried(closed)["connected"] == []
    user.leave()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's folders are opened for the server")
def test_a_folder_that_belongs_to_a_group_is_not_opened_but_named(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    closed.chmod(0o750)
    user = UserOfServers(closed / "data")
    assert f"other users may not enter {closed}; set DATA_DIR" in user.said
    assert stat.S_IMODE(closed.stat().st_mode) == 0o750
    user.leave()


def test_no_process_is_left() -> None:
    assert not [one for one in psutil.process_iter(["cmdline"]) if "others-" in " ".join(one.info["cmdline"] or [])]
    assert embedded._OF_OTHERS == 0o067
