#!/usr/bin/env python
"""Django's command line."""

import atexit
import gc
import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Nearly all that a command makes is what it loads, which stays. So look for garbage seldom, and not when Python
    # ends: the two take a fifth of the time of a command with nothing to do.
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
