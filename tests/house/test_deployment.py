"""What the deployment files start exists, and they agree with each other, with the documents and with the settings."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from config.env import Environment

ROOT = Path(__file__).resolve().parents[2]
OF_OURS = ("migrate", "web", "worker", "beat")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
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
    assert all(SERVICES[name]["read_only"] and SERVICES[name]["cap_drop"] == ["ALL"] for name in OF_OURS)


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
