"""The server's entry: ``gunicorn clinic.wsgi``. It refuses to serve while a serving check fails."""

import os

from django.core.checks import run_checks
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")
application = get_wsgi_application()

if problems := run_checks(tags=["serving"], include_deployment_checks=True):
    raise SystemExit("Not serving:\n" + "\n".join(f"- {problem.msg} {problem.hint or ''}" for problem in problems))
