"""What each unmodified client does against gcpsim: scripts for the virtual environments of others.

Each is run by the Python of its own environment, whose packages `<name>.txt` pins, with what
`gcpsim env` exports. It prints a line of JSON for each check: {"check", "ok", "said"}.
"""
