"""The examples under deploy/: each is complete, holds for the program that reads it, and what it starts answers."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.real_servers import free_port
from tests.support.repository import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
HOST = "consent.clinic.example"
EXPOSED = 20  # of 100, by systemd's own count; a service that says nothing of itself has 96


def program(name: str) -> str:
    """Return where a program is that a clinic installs; skip, with the reason, where it is not."""
    found: str | None = os.environ.get(name.upper()) or shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if not found:
        pytest.skip(f"{name} is not installed here; {name.upper()}=/where/it/is names one")
    return found


def run(*command: str | Path, **options: Any) -> str:
    done: Any = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout + done.stderr)


def service(path: Path) -> dict[str, str]:
    """Read a unit's [Service]; of a key that is there twice, the last."""
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path)
    return dict(unit["Service"])


# --- complete ---------------------------------------------------------------------------------------------------------


def test_the_environment_file_names_every_setting():
    """And no other, so that none goes on standing there after it is gone from the code."""
    code = "".join(
        (ROOT / "clinic" / name).read_text()
        for name in ("settings/__init__.py", "settings/environment.py", "web/gunicorn_config.py", "web/json_logging.py")
    )
    names = set(re.findall(r"\"((?:CLINIC_|DATABASE_)[A-Z_0-9]+)\"", code)) | {"CLINIC_SECOND_FACTOR", "CLINIC_DEMO"}
    said = re.findall(r"(?:CLINIC_|DATABASE_)[A-Z_0-9]+", (DEPLOY / "env.example").read_text())
    assert {name.removesuffix("_FILE") for name in said} == {name.removesuffix("_FILE") for name in names}


def test_the_environment_file_holds_no_secret():
    for line in (DEPLOY / "env.example").read_text().splitlines():
        name, given, value = line.lstrip("#").partition("=")
        if given and re.fullmatch(r"[A-Z_0-9]+", name) and re.search("SECRET|KEY|PASS|PIN|TOKEN|DATABASE", name):
            assert value.startswith("/") or name in ("CLINIC_PKCS11_TOKEN",), line


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_each_service_is_locked_in_like_the_server(unit: Path):
    mine, servers = service(unit), service(DEPLOY / "systemd" / "consent.service")
    own = ("Exec", "Restart", "Timeout", "Type", "Nice")
    assert {k: v for k, v in mine.items() if not k.startswith(own)} == {
        k: v for k, v in servers.items() if not k.startswith(own)
    }


def test_each_timer_starts_a_service_and_what_they_run_exists():
    from django.core.management import get_commands

    assert all(unit.with_suffix(".service").exists() for unit in UNITS if unit.suffix == ".timer")
    run_here = [service(unit)["ExecStart"].partition("manage.py ")[2].split() for unit in SERVICES]
    assert {command[0] for command in run_here if command} <= set(get_commands())


def test_the_documents_name_each_example():
    text = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
    files = [path for path in DEPLOY.rglob("*") if path.is_file()]
    assert [path.name for path in files if path.name not in text and path.stem not in text] == []


# --- accepted by who reads it -----------------------------------------------------------------------------------------


def test_systemd_takes_the_units(tmp_path: Path):
    analyze = program("systemd-analyze")
    for unit in UNITS:
        (tmp_path / unit.name).write_text(here(unit.read_text(), tmp_path))
    run(analyze, "verify", "--man=no", *(tmp_path / unit.name for unit in UNITS))
    (tmp_path / "open.service").write_text("[Service]\nExecStart=/bin/true\n")
    security = (analyze, "security", "--offline=true", f"--threshold={EXPOSED}")
    run(*security, *(tmp_path / unit.name for unit in SERVICES))
    assert subprocess.run([*security, tmp_path / "open.service"], capture_output=True, check=False).returncode


def test_the_journal_goes_over_tls_to_an_authority_of_ones_own(tmp_path: Path):
    """Each file that the command names is given to it, and systemd takes the drop-in for the unit it is for."""
    text = (DEPLOY / "journal-upload.conf").read_text()
    command = text.rpartition("ExecStart=")[2].splitlines()[0]
    options = dict(re.findall(r"--(\w+)=(\S+)", command))
    assert options["url"].startswith("https://")
    given = {f"%d/{name}" for name in re.findall(r"^LoadCredential=(\w+):/", text, re.MULTILINE)}
    assert {options["key"], options["cert"], options["trust"]} == given
    analyze, unit = program("systemd-analyze"), tmp_path / "systemd-journal-upload.service"
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    unit.with_name(f"{unit.name}.d").mkdir()
    drop_in = unit.with_name(f"{unit.name}.d") / "consent.conf"
    drop_in.write_text(text.replace("/usr/lib/systemd/systemd-journal-upload", "/bin/true"))
    run(analyze, "verify", "--man=no", unit)
    drop_in.write_text("[Service]\nExecStart=/nothing/of/that/name\n")  # the control: the drop-in is read
    assert subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, check=False).returncode


def test_caddy_takes_its_file():
    run(program("caddy"), "validate", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile")


def test_nginx_takes_its_file(tmp_path: Path):
    nginx = program("nginx")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", tmp_path / "key.pem")
    run(program("openssl"), "req", "-x509", *key, "-out", tmp_path / "fullchain.pem", "-subj", f"/CN={HOST}")
    site = (DEPLOY / "nginx.conf").read_text()
    site = site.replace("/etc/ssl/consent", str(tmp_path)).replace("/var/log/nginx", str(tmp_path))
    (tmp_path / "site.conf").write_text(site)
    bodies = " ".join(f"{name}_temp_path {tmp_path}/{name};" for name in "client_body proxy fastcgi uwsgi scgi".split())
    whole = f"pid {tmp_path}/pid; events {{}} http {{ access_log off; {bodies} include {tmp_path}/site.conf; }}"
    (tmp_path / "nginx.conf").write_text(whole)
    run(nginx, "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-e", tmp_path / "error.log")


# --- started ----------------------------------------------------------------------------------------------------------


def here(text: str, folder: Path) -> str:
    """Put this machine's places in, for an installation that is all in one folder."""
    text = text.replace("/srv/consent/app/.venv/bin/python", sys.executable)
    text = text.replace("/srv/consent/app/.venv/bin/", f"{Path(sys.executable).parent}/")
    text = text.replace("/srv/consent/app", str(ROOT))
    return text.replace("/srv/consent", str(folder)).replace("/etc/consent", str(folder / "etc"))


class Installation:
    """What docs/operating.md sets up, in a folder: env.example as it is, and the units' own commands."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        for name in ("data", "keys", "etc"):
            (folder / name).mkdir(mode=0o700)
        for name in ("secret-key", "index-key", "seal-passphrase"):
            (folder / "etc" / name).write_text(secrets.token_urlsafe(48))
        lines = here((DEPLOY / "env.example").read_text(), folder).splitlines()
        given = dict(line.split("=", 1) for line in lines if re.match("[A-Z]", line))
        self.env = {"PATH": os.environ["PATH"], **given, "CLINIC_BIND": f"127.0.0.1:{self.port}"}

    def command(self, unit: str) -> list[str]:
        return here(service(DEPLOY / "systemd" / unit)["ExecStart"], self.folder).split()

    def manage(self, *arguments: str) -> str:
        return run(sys.executable, "manage.py", *arguments, env=self.env, cwd=ROOT)

    @contextmanager
    def started(self, name: str, command: list[str]) -> Iterator[Path]:
        """Run a command meanwhile; return where its output is."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(command, env=self.env, cwd=ROOT, stdout=output, stderr=output)
        try:
            yield log
        finally:
            process.terminate()
            process.wait(30)


def answer(url: str, headers: dict[str, str] | None = None, trust: Any = None) -> tuple[int, Any]:
    """Ask until somebody listens; return the status and the headers."""
    asked = urllib.request.Request(url, headers={"Host": HOST, **(headers or {})})
    for _ in range(300):
        try:
            with urllib.request.urlopen(asked, timeout=10, context=trust) as found:
                return found.status, found.headers
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"nobody answers at {url}")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    made = Installation(tmp_path_factory.mktemp("clinic"))
    made.manage("init_keys", "--clinic", "Riverside")
    made.manage("migrate", "--verbosity=0")
    made.manage("collectstatic", "--noinput", "--verbosity=0")
    made.manage("createstaff", "ada", "Ada Example")
    made.manage("new_backup_key", str(made.folder / "backup.key"))
    return made


@pytest.mark.heavy
def test_what_the_units_start_answers(installed: Installation):
    with (
        installed.started("server", installed.command("consent.service")) as log,
        installed.started("worker", installed.command("consent-worker.service")) as worked,
    ):
        inside = f"http://127.0.0.1:{installed.port}"
        assert answer(f"{inside}/healthz")[0] == 200
        status, headers = answer(f"{inside}/login/", {"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.0.0.7"})
        assert (status, headers["Strict-Transport-Security"]) == (200, "max-age=31536000; includeSubDomains")
        assert answer(f"{inside}/login/", {"Host": "other.example", "X-Forwarded-Proto": "https"})[0] == 400
        for name in ("anchor", "backup", "backup-night", "verify"):
            run(*installed.command(f"consent-{name}.service"), env=installed.env, cwd=ROOT)
        assert answer(f"{inside}/readyz")[0] == 200
    for line in (log.read_text() + worked.read_text()).splitlines():
        assert json.loads(line)["time"]


@pytest.mark.heavy
def test_a_backup_of_it_is_restored_on_an_empty_machine(installed: Installation):
    """The drill of docs/operating.md: keys, settings, a backup and its key; no tables, no data."""
    installed.manage("backup", "--to", str(installed.folder / "stick"))
    (backup,) = (installed.folder / "stick").glob("*.age")
    to, key = installed.folder / "data-anew", installed.folder / "backup.key"
    empty = {**installed.env, "CLINIC_DATA_DIR": str(to)}
    run(sys.executable, "manage.py", "restore", backup, "--to", to, "--key", key, env=empty, cwd=ROOT)
    run(sys.executable, "manage.py", "verify", "--all", env=empty, cwd=ROOT)


@pytest.mark.heavy
def test_caddy_serves_it_over_tls_and_logs_no_address(installed: Installation):
    """With Caddy's own authority, on ports that need no root; a caller's X-Forwarded headers count for nothing."""
    caddy, https = program("caddy"), free_port()
    ports = f"https_port {https}\n\thttp_port {free_port()}"
    text = (DEPLOY / "Caddyfile").read_text().replace("# tls internal", "tls internal")
    text = text.replace("admin off", f"admin off\n\t{ports}")
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{installed.port}").replace(HOST, f"{HOST}, localhost")
    (installed.folder / "Caddyfile").write_text(text)
    installed.env["XDG_DATA_HOME"] = installed.env["XDG_CONFIG_HOME"] = str(installed.folder / "caddy")
    served = [caddy, "run", "--adapter", "caddyfile", "--config", str(installed.folder / "Caddyfile")]
    with installed.started("caddy", served) as log:
        root = installed.folder / "caddy/caddy/pki/authorities/local/root.crt"
        for _ in range(100):
            if root.exists():
                break
            time.sleep(0.1)
        trust = ssl.create_default_context(cafile=str(root))
        with installed.started("server", installed.command("consent.service")):
            assert answer(f"http://127.0.0.1:{installed.port}/healthz")[0] == 200
            outside = f"https://localhost:{https}"
            status, headers = answer(f"{outside}/login/", {"X-Forwarded-Proto": "http"}, trust)
            assert (status, headers["Server"]) == (200, None)
            assert "__Host-" in headers["Set-Cookie"]
            assert answer(f"{outside}/readyz", {"X-Forwarded-For": "127.0.0.1"}, trust)[0] == 404
        assert answer(f"{outside}/patients/?name=Canary", trust=trust)[0] == 502
    assert "Canary" not in log.read_text()
