"""The command line: one module per group of commands; `main` assembles them."""

from eqinfo.cli.main import main

__all__ = ["main"]
