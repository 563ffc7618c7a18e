"""`make demo`, as a new user meets it: it serves what it prints, and Ctrl-C stops all of it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest

from tests.support.real_servers import free_port

pytestmark = pytest.mark.browser  # slow as those are: it serves a whole clinic

DEMO = Path(__file__).resolve().parents[2] / ".ci" / "demo.py"


def demo(folder: Path, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(DEMO), "--port", str(port), "--folder", str(folder)]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def printed_until(process: subprocess.Popen[str], last: str) -> str:
    """Return what the process prints up to the line that holds ``last``."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if last in line:
            break
    return "".join(lines)


def signed_in(address: str, username: str, password: str) -> OpenerDirector:
    """Sign in as a person would; return what carries the cookies."""
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    page = browser.open(f"{address}/login/").read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    form = {"csrfmiddlewaretoken": token[1], "login": username, "password": password}
    browser.open(f"{address}/login/", urlencode(form).encode())
    return browser


def test_the_demo_serves_what_it_prints_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    port = free_port()
    process = demo(tmp_path / "demo", port)
    try:
        said = printed_until(process, "Ctrl-C")
        addresses = re.findall(r"http://127\.0\.0\.1:\d+\S*", said)
        assert "made up" in said
        assert "NO SECOND FACTOR" in said
        assert len(addresses) >= 3, said
        password = re.search(r"password for everybody: (\S+)", said)
        assert password, said
        physio = signed_in(f"http://127.0.0.1:{port}", "physio", password[1])
        assert "No second factor is asked for here" in physio.open(f"http://127.0.0.1:{port}/board/").read().decode()
        kinds = {address: physio.open(address).headers["Content-Type"] for address in addresses}
        assert [kind for kind in kinds.values() if "application/pdf" in kind], kinds
        assert len([kind for kind in kinds.values() if "text/html" in kind]) >= 2, kinds
        assert (tmp_path / "demo" / "clinic_secret_key").stat().st_mode & 0o077 == 0
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0, rest
    assert still_running(str(tmp_path)) == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def still_running(word: str) -> list[str]:
    """Return the processes whose environment names ``word``, after a moment to end in."""
    deadline = time.monotonic() + 5
    while True:
        left = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if folder.name != str(os.getpid()) and word.encode() in (folder / "environ").read_bytes():
                    left.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue  # gone, or not ours to read
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.2)


def test_a_busy_port_is_said_before_anything_is_touched(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "kept").touch()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        process = demo(folder, other.getsockname()[1])
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "make demo PORT=" in said
    assert (folder / "kept").exists()
