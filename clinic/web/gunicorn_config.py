"""How gunicorn serves the app: ``gunicorn -c python:clinic.web.gunicorn_config clinic.wsgi``."""

from __future__ import annotations

import os

from django.db import connections

from clinic.web.json_logging import CONFIG

bind = os.environ.get("CLINIC_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("CLINIC_WORKERS", "2"))
worker_class = "sync"  # Pango's font maps must not be shared by threads
preload_app = True  # imports once, before the fork
max_requests, max_requests_jitter = 1000, 100
timeout = 30
control_socket_disable = True
logconfig_dict = CONFIG
loglevel = os.environ.get("CLINIC_LOG_LEVEL", "info")


def pre_fork(server: object, worker: object) -> None:
    """Close what the start-up checks opened: a database connection must not be shared by two processes."""
    connections.close_all()
