"""Several commands in one process: `several.py "COMMAND ARGUMENT …" …`."""

import shlex
import sys

import django
from django.core.management import call_command

django.setup()
for words in sys.argv[1:]:
    call_command(*shlex.split(words))
