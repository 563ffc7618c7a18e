"""The log: one JSON object a line, with the keys of ``KEYS`` and nothing else, whoever logs.

A log is copied, kept and read by people who may not read records. So no value that came from outside is written: of a
message its template, without its arguments; of an exception its type and the places it went through, without its text,
its arguments or any variables; of a request its route's name, never its address.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import re
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from types import TracebackType
from typing import Any

KEYS = (
    "time",  # UTC, ISO 8601, milliseconds
    "level",
    "logger",
    "event",
    "where",  # module and line that logged
    "request",  # the answer's X-Request-ID; lines of one request share it
    "route",
    "status",
    "ms",
    "actor",  # a staff member's number
    "device",  # a paired tablet's or phone's
    "directive",  # of the content security policy, as a browser reports it
    "error",  # types of an exception and of what caused it
    "trace",  # where it went through, outermost first
)
FIELDS = ("route", "status", "ms", "actor", "device", "directive")  # what a line may be given, by `extra`
OURS = ("clinic", "screening", "consent")
SHORT = re.compile(r"[\w.:-]{1,80}", re.ASCII)

request_id: ContextVar[str] = ContextVar("request_id", default="")


class Lines(logging.Formatter):
    """Format a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with the keys that have a value."""
        line = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": event(record),
            "where": f"{record.module}:{record.lineno}",
            "request": request_id.get(),
            **{name: plain(getattr(record, name, None)) for name in FIELDS},
        }
        if record.exc_info and record.exc_info[1]:
            line |= {"error": list(types(record.exc_info[1])), "trace": places(record.exc_info[2])}
        return json.dumps({key: value for key, value in line.items() if value not in (None, "")})


def event(record: logging.LogRecord) -> str:
    """Return the constant part of a message; "" where it may have been put together before it was logged.

    Our own messages are constants (`tests/operations/test_logs.py` reads the code for it). In a library's, what came
    from outside is in the arguments; without any, a name may be part of the text.
    """
    return str(record.msg) if record.args or record.name.partition(".")[0] in OURS else ""


def plain(value: Any) -> Any:
    """Return a number, or a short name without spaces; ``None`` for anything else."""
    if isinstance(value, int) or (isinstance(value, str) and SHORT.fullmatch(value)):
        return value
    return None


def types(error: BaseException | None) -> Iterator[str]:
    """Yield the type of an exception, of its cause, and so on."""
    while error is not None:
        yield type(error).__name__
        error = error.__cause__ or error.__context__


def places(trace: TracebackType | None) -> list[str]:
    """Return module, line and function of each frame: no source text, no variables, no machine's folders."""
    return [
        f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(trace)
    ]


LEVEL = os.environ.get("CLINIC_LOG_LEVEL", "info").upper()
CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "clinic.web.json_logging.Lines"}},
    "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"level": "WARNING", "handlers": ["lines"]},
    "loggers": {
        **{name: {"level": LEVEL} for name in (*OURS, "django_tasks", "django_tasks_db")},
        # What these would print, or e-mail, of their own accord goes through the one handler.
        "django": {"level": LEVEL, "handlers": []},
        "django.request": {"level": "ERROR"},  # refusals are in `clinic.web.middleware.logged`
        "django.server": {"level": LEVEL, "handlers": [], "propagate": True},
        "gunicorn.error": {"level": LEVEL, "handlers": ["lines"], "propagate": False},
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},  # `clinic.web.middleware.logged`
    },
}
