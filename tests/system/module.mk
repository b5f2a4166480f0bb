# Rings of whole systems: they want root, and a Postfix that they download and never install.
EXTRA_DIST += tests/system/mta.py
