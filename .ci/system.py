"""Install what Python packages cannot bring: ``python3 .ci/system.py run`` or ``… run test``.

Looks for each program and library itself, not for a package name, so that it also works where apt is not used. What is
missing is installed with apt, as root or through sudo; failing that, the command for an administrator is printed and
the exit status is 1. Runs on any Python 3, so that it can report one that is too old.
"""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys

PYTHON = "%d.%d" % sys.version_info[:2]  # noqa: UP031  (read by old Pythons)
BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]


def has_library(name: str) -> bool:
    """Return whether the dynamic linker finds the library."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def has_browser() -> bool:
    """Return whether the tests will find a browser, by the same rule as ``tests/conftest.py``."""
    return bool(os.environ.get("CHROMIUM") or any(shutil.which(name) for name in BROWSERS))


def missing(sets: "list[str]") -> "list[str]":
    """Return the Debian packages that are missing, for the sets ``run`` and ``test``."""
    needed = {
        "python%s-venv" % PYTHON: importlib.util.find_spec("ensurepip") is not None,  # noqa: UP031
        "libpango-1.0-0": has_library("libpango-1.0.so.0"),
        "libpangoft2-1.0-0": has_library("libpangoft2-1.0.so.0"),
        # Without it WeasyPrint only warns, and takes three times as long.
        "libharfbuzz-subset0": has_library("libharfbuzz-subset.so.0"),
    }
    if "test" in sets:
        needed["chromium"] = has_browser()
        needed["libatomic1"] = has_library("libatomic.so.1")  # without it Playwright's driver dies silently
        needed["poppler-utils"] = bool(shutil.which("pdfsig") and shutil.which("pdftotext"))
        needed["qpdf"] = bool(shutil.which("qpdf"))
        needed["strace"] = bool(shutil.which("strace"))
        needed["softhsm2"] = bool(shutil.which("softhsm2-util"))
    return [package for package, present in needed.items() if not present]


def is_ubuntu() -> bool:
    """Return whether this is Ubuntu, whose ``chromium`` package is a stub for a snap."""
    try:
        with open("/etc/os-release", encoding="utf-8") as release:
            return "ID=ubuntu" in release.read().split()
    except OSError:
        return False


def command_prefix() -> "list[str] | None":
    """Return the prefix that runs a command as root; ``None`` if there is no way to."""
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        return None
    if sys.stdin.isatty() or subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0:
        return ["sudo"]
    return None


def main(sets: "list[str]") -> int:
    """Install what is missing of ``sets``; return the exit status."""
    if sys.version_info < (3, 11):  # noqa: UP036
        print("Python 3.11 or newer is needed; this is Python %s." % PYTHON, file=sys.stderr)  # noqa: UP031
        print("If a newer one is installed, name it: make PYTHON=python3.12 demo", file=sys.stderr)
        return 1
    packages = missing(sets)
    if not packages:
        return 0
    if "chromium" in packages and is_ubuntu():
        print("The tests need a browser. On Ubuntu: sudo snap install chromium", file=sys.stderr)
        print("Or name one that is installed: make CHROMIUM=/path/to/chromium test", file=sys.stderr)
        return 1
    install = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends", *packages]
    prefix = command_prefix()
    if not shutil.which("apt-get"):
        print("Missing here, by their Debian names: " + ", ".join(packages), file=sys.stderr)
        print("Install them by this system's own means, then run make again.", file=sys.stderr)
        return 1
    if prefix is None:
        print("Missing: " + ", ".join(packages) + ". An administrator must run:\n", file=sys.stderr)
        command = "apt-get update && " + " ".join(install)
        print("    " + ("sudo sh -c '%s'" % command if shutil.which("sudo") else command), file=sys.stderr)  # noqa: UP031
        print("\nThen run make again.", file=sys.stderr)
        return 1
    print("Installing " + ", ".join(packages), flush=True)
    sudo = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive"]
    # An outdated package list may still be good enough to install from.
    subprocess.run([*sudo, "apt-get", "-o", "DPkg::Lock::Timeout=300", "-qq", "update"], check=False)
    if subprocess.run([*sudo, *install], stdout=subprocess.DEVNULL, check=False).returncode:
        print("This failed: " + " ".join(install), file=sys.stderr)
        return 1
    left = missing(sets)
    if left:
        print("Still missing after the installation: " + ", ".join(left), file=sys.stderr)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
