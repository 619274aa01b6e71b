"""The container files hold what docs/how-to/run_in_production.md promises."""

import json
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = Path(__file__).parent / "data" / "compose_spec.json"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"airflow-init"}
OF_OUR_IMAGE = sorted(
    n for n, s in SERVICES.items() if s["image"].startswith("concord")
)

each_service = pytest.mark.parametrize("name", sorted(SERVICES))


def mounted(name: str) -> set[str]:
    """Return the secrets that a service is given."""
    return set(SERVICES[name].get("secrets", ()))


def environment(name: str) -> dict[str, str]:
    """Return a service's environment as text."""
    given = SERVICES[name].get("environment", {})
    return {key: str(value) for key, value in given.items()}


def test_file_follows_the_compose_specification():
    schema = json.loads(SCHEMA.read_text())
    validator = jsonschema.Draft201909Validator(schema)
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []


def test_file_stays_in_what_compose_v1_and_v2_share():
    assert "name" not in COMPOSE
    for service in SERVICES.values():
        for condition in service.get("depends_on", {}).values():
            assert set(condition) == {"condition"}


def test_every_service_that_airflow_needs_is_there():
    assert set(SERVICES) == {
        "postgres",
        "redis",
        "airflow-init",
        "api-server",
        "scheduler",
        "dag-processor",
        "triggerer",
        "worker",
        "simulator",
    }
    assert [n for n, s in SERVICES.items() if "profiles" in s] == ["simulator"]


@each_service
def test_service_is_hardened(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert service["pids_limit"] <= 512
    assert service["mem_limit"]
    assert service["tmpfs"]
    assert not service["user"].startswith(("0", "root"))


@each_service
def test_writable_memory_runs_nothing(name):
    for mount in SERVICES[name]["tmpfs"]:
        assert {"noexec", "nosuid"} <= set(mount.split(":", 1)[1].split(","))
        assert "size=" in mount


@each_service
def test_service_has_a_health_check(name):
    check = SERVICES[name]["healthcheck"]
    if name in ONE_SHOT:
        assert check == {"disable": True}
    else:
        assert check["test"][0] in ("CMD", "CMD-SHELL")
        assert {"interval", "timeout", "retries", "start_period"} <= set(check)


@each_service
def test_image_is_pinned_by_version(name):
    assert re.search(r":\d+\.\d+[\w.-]*$", SERVICES[name]["image"])


@each_service
def test_ports_are_open_to_this_machine_only(name):
    for port in SERVICES[name].get("ports", ()):
        assert port.startswith("127.0.0.1:")


@each_service
def test_environment_holds_no_secret(name):
    for key, value in environment(name).items():
        assert not re.search(r"://[^/@\s]*:[^/@\s]+@", value), f"{key} has a password"
        if re.search(r"PASSWORD|SECRET|TOKEN|FERNET|_KEY", key):
            assert "/run/secrets/" in value or key.endswith(
                ("SECRETS_BACKEND", "PASSWORDS_FILE")
            ), f"{key} is not read from a secret"


@each_service
def test_secrets_named_in_the_environment_are_mounted(name):
    text = " ".join([*environment(name).values(), str(SERVICES[name]["healthcheck"])])
    assert set(re.findall(r"/run/secrets/([\w.-]+\w)", text)) <= mounted(name)


@each_service
def test_service_that_logs_in_to_postgres_has_its_role_only(name):
    text = " ".join(environment(name).values())
    roles = set(re.findall(r"postgresql\+psycopg2://(\w+)@", text))
    given = {s for s in mounted(name) if s.endswith("_db_password")}
    if name != "postgres":
        assert given == {f"{role}_db_password" for role in roles}
        assert ("PGPASSFILE" in environment(name)) == bool(roles)


def test_worker_holds_no_key_of_airflow():
    forbidden = {"airflow_db_password", "fernet_key", "jwt_secret", "api_secret_key"}
    assert mounted("worker").isdisjoint(forbidden)


def test_only_worker_and_init_see_data():
    sees = {
        name
        for name, service in SERVICES.items()
        if any(str(v).startswith("concord:") for v in service.get("volumes", ()))
    }
    assert sees == {"worker", "airflow-init"}


def test_every_secret_is_a_file_and_is_used():
    used = {secret for name in SERVICES for secret in mounted(name)}
    assert used == set(COMPOSE["secrets"])
    for secret in COMPOSE["secrets"].values():
        assert set(secret) == {"file"}


def test_make_secrets_makes_each_secret_once(tmp_path):
    folder = tmp_path / "secrets"
    wanted = {Path(s["file"]).name for s in COMPOSE["secrets"].values()}

    def make() -> dict[str, str]:
        command = [str(ROOT / "docker" / "make-secrets"), str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        return {path.name: path.read_text() for path in folder.iterdir()}

    first = make()
    assert set(first) == wanted
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert make() == first
    random = [v for n, v in first.items() if n not in ("connections.json",)]
    assert len(set(random)) == len(random)
    assert all(len(value) >= 44 for value in random)
    assert not any(value.endswith("\n") for value in first.values())
    assert first["redis_password.txt"] in first["broker_url.txt"]


def test_secrets_folder_is_never_committed_or_built():
    assert "secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    assert not any("secrets" in line for line in ignored if line.startswith("!"))


def test_books_and_broker_have_no_way_out():
    assert COMPOSE["networks"]["meta"] == {"internal": True}
    for name in ("postgres", "redis", "scheduler", "dag-processor", "triggerer"):
        assert SERVICES[name]["networks"] == ["meta"]


@pytest.mark.parametrize("name", OF_OUR_IMAGE)
def test_folders_named_in_the_environment_are_in_the_image(name):
    copied = {
        f"/opt/concord/{target}"
        for target in re.findall(r"^COPY \S+ (\S+)$", DOCKERFILE, re.MULTILINE)
    }
    for key in ("AIRFLOW__CORE__DAGS_FOLDER", "AIRFLOW__CORE__PLUGINS_FOLDER"):
        if key in environment(name):
            assert environment(name)[key] in copied


@pytest.mark.parametrize("name", OF_OUR_IMAGE)
def test_mounts_of_our_image_exist_in_it_with_the_right_owner(name):
    made = re.findall(r"install -d -o 50000 -g 0 -m 07\d0 ([^&\n]+)", DOCKERFILE)
    folders = {folder for line in made for folder in line.split()}
    targets = {v.split(":")[1] for v in SERVICES[name].get("volumes", ())}
    assert targets <= folders


def test_scripts_that_compose_mounts_are_there():
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            if volume.startswith("./"):
                script = ROOT / volume.split(":")[0]
                assert script.is_file()
                assert volume.endswith(":ro")
                assert script.stat().st_mode & 0o111
