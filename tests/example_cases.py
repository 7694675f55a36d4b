"""Runs the programs of examples/ in the process of the tests."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


class Program:
    """Runs an example in this process, because importing PyTorch takes seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capsys = monkeypatch, capsys

    def __call__(self, name: str, *arguments: str | Path) -> tuple[str, str]:
        """Return standard output, and standard error or the message that it ends with."""
        self._patch.setattr(sys, "argv", [name, *map(str, arguments)])
        message = ""
        try:
            runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        except SystemExit as end:
            message = str(end.code)
        out, error = self._capsys.readouterr()
        return out, error + message
