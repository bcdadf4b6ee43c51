"""The commands of `edgebook`, one module each: HELP, `arguments(parser)`, `run(args) -> exit code`.

A module imports what it needs inside `run`, so that help and wrong command lines cost nothing.
"""
