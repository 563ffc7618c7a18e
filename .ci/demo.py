"""Serve a clinic of made-up patients on this machine, afresh each time: ``make demo``.

Everything it makes, secrets included, is under ``var/demo/``, which only its owner can read. Ctrl-C stops the server
and the workers. Exit status 1 if the port is taken, a demo is running already, or one of them dies.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60


class Stopped(Exception):
    """The demo cannot go on; the message says why, for the person who started it."""


def take_folder(folder: Path) -> TextIO:
    """Empty ``folder``; return the lock that keeps a second demo out of it for as long as it is open."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(f"{folder.name}.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Stopped("A demo of this folder is running already. Stop it with Ctrl-C where it was started.") from None
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return lock


def check_port(port: int) -> None:
    """Raise ``Stopped`` if something else listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Stopped(f"Port {port} cannot be used ({error.strerror}). Take another: make demo PORT=8001") from None


def environment(folder: Path, port: int) -> dict[str, str]:
    """Write this demo's secrets; return the variables that its processes run with."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("CLINIC_", "DATABASE_URL"))}
    for name in ("CLINIC_SECRET_KEY", "CLINIC_SEAL_PASSPHRASE"):
        path = folder / name.lower()
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48), encoding="utf-8")
        env[f"{name}_FILE"] = str(path)
    return env | {
        "CLINIC_DEMO": "1",
        "CLINIC_SECOND_FACTOR": "off",
        "CLINIC_DATA_DIR": str(folder),
        "CLINIC_BIND": f"127.0.0.1:{port}",
        "DJANGO_SETTINGS_MODULE": "clinic.settings",
    }


def begin(env: dict[str, str], *command: str) -> subprocess.Popen[str]:
    """Start a management command."""
    return subprocess.Popen(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a management command; return what it printed, or raise ``Stopped`` with it."""
    output, _ = process.communicate()
    if process.returncode:
        raise Stopped(f"This failed: {' '.join(map(str, process.args[1:]))}\n{output}")  # type: ignore[index]
    return output


def prepare(env: dict[str, str], address: str) -> str:
    """Fill the folder; return what ``load_demo`` printed: where the demo is and how to sign in."""
    static = begin(env, "collectstatic", "--noinput", "--verbosity=0")  # takes longest, and depends on nothing else
    try:
        finish(begin(env, "migrate", "--verbosity=0"))
        finish(begin(env, "init_keys"))
        instructions = finish(begin(env, "load_demo", "--address", address))
        finish(static)
    finally:
        static.kill()
    return instructions


def serve(env: dict[str, str], folder: Path) -> dict[str, subprocess.Popen[bytes]]:
    """Start the server, and a low-priority worker per core (two at most); return the processes by name.

    Each has a session of its own, so that Ctrl-C reaches this script alone, which stops them in order.
    """
    low_priority = ("nice", "-n", "10")
    commands: dict[str, tuple[str, ...]] = {
        "server": (sys.executable, "-m", "gunicorn", "-c", "python:clinic.web.gunicorn_config", "clinic.wsgi")
    }
    for number in range(1, min(2, os.cpu_count() or 1) + 1):
        name = f"worker-{number}"
        commands[name] = (*low_priority, sys.executable, "manage.py", "worker", "--worker-id", name)
    started = {}
    for name, command in commands.items():
        with (folder / f"{name}.log").open("wb") as output:
            started[name] = subprocess.Popen(
                command, cwd=ROOT, env=env, stdout=output, stderr=output, start_new_session=True
            )
    return started


def answers(address: str) -> bool:
    """Return whether the server answers at this address with status 200."""
    try:
        with urllib.request.urlopen(address, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def watch(processes: dict[str, subprocess.Popen[bytes]], folder: Path) -> None:
    """Raise ``Stopped``, with the end of its log, if one of the processes is gone."""
    for name, process in processes.items():
        if process.poll() is not None:
            tail = "\n".join((folder / f"{name}.log").read_text(errors="replace").splitlines()[-20:])
            raise Stopped(f"The {name} stopped:\n{tail}")


def run(folder: Path, port: int) -> None:
    """Build the demo in ``folder`` and serve it until a signal comes."""
    check_port(port)
    lock = take_folder(folder)
    address = f"http://127.0.0.1:{port}"
    env = environment(folder, port)
    print("Preparing a demo clinic …", flush=True)
    instructions = prepare(env, address)
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        processes |= serve(env, folder)
        deadline = time.monotonic() + START_SECONDS
        while not answers(f"{address}/login/"):
            watch(processes, folder)
            if time.monotonic() > deadline:
                raise Stopped(f"The server did not answer within {START_SECONDS} seconds; see {folder}/server.log")
            time.sleep(0.2)
        print(instructions, end="" if instructions.endswith("\n") else "\n")
        print("\nWARNING: this demo asks for NO SECOND FACTOR, to be tried at once. A clinic cannot run like this.")
        print("All people and data in it are made up. It is made afresh each time. Ctrl-C stops it.", flush=True)
        while True:
            watch(processes, folder)
            time.sleep(0.5)
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
        lock.close()


def interrupted(signum: int, frame: object) -> None:
    """Treat every signal like Ctrl-C, so that the demo stops in order."""
    raise KeyboardInterrupt


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "demo")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    try:
        run(options.folder.resolve(), options.port)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0
    except Stopped as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
