"""``python -m eqinfo``: the command line."""

from eqinfo.cli import main

main(prog_name="eqinfo")
