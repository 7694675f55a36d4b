"""The command line: a module per group of commands, which `main` puts together."""

from eqinfo.cli.main import main

__all__ = ["main"]
