"""Say plainly what this machine lacks, before anything is installed. Standard library of any Python 3."""

import importlib.util
import sys

NEEDED = (3, 11)

TOO_OLD = """Tillhook needs Python {}.{} or newer; this is {}.{}.
If a newer one is installed, name it: make PYTHON=python3.12 demo"""
NO_VENV = """Python's venv module is missing.
On Debian and Ubuntu it is a package of its own: sudo apt-get install python3-venv"""

if sys.version_info < NEEDED:
    sys.exit(TOO_OLD.format(*NEEDED, *sys.version_info[:2]))
if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
    sys.exit(NO_VENV)
