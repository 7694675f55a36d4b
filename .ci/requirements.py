#!/usr/bin/env python3
"""Print what pyproject.toml requires, with these extras, one requirement per line.

usage: .ci/requirements.py [EXTRA...]

For an environment that needs the dependencies of the package but not the package, which would have
to be built.
"""

from __future__ import annotations

import sys
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    from pip._vendor import tomli as tomllib

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
for extra in sys.argv[1:]:
    print(*project["optional-dependencies"][extra], sep="\n")
print(*project["dependencies"], sep="\n")
