#!/usr/bin/env python
"""Django's command line for this project."""

import os
import sys


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")
    import django
    from django.core.management import call_command, execute_from_command_line

    if sys.argv[1:] == ["version"]:  # Django would print its own version
        django.setup()
        call_command("version")
    else:
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
