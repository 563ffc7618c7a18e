"""The server's entry: ``gunicorn clinic.wsgi``. It refuses to serve while a serving check fails."""

import os

from django.core.checks import ERROR, run_checks
from django.core.wsgi import get_wsgi_application
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")
application = get_wsgi_application()
messages = run_checks(tags=["serving"], include_deployment_checks=True)
problems = [message for message in messages if message.is_serious(ERROR)]  # a warning stops no clinic
connections.close_all()  # gunicorn forks after this, and two processes must not share a connection
if problems:
    raise SystemExit("Not serving:\n" + "\n".join(f"- {problem.msg} {problem.hint or ''}" for problem in problems))
