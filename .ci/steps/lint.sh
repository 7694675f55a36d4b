#!/usr/bin/env bash
# Format, lint, types, spelling, import contracts and shell scripts: the hooks of pre-commit. Nothing is
# built, so that these failures come first.
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

environment lint
.ci/requirements.py lint | xargs pip install -q
pre-commit run --all-files --show-diff-on-failure
