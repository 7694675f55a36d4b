#!/usr/bin/env bash
# The README's own two commands, in a fresh virtual environment and without constraints: what users do.
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

unset PIP_CONSTRAINT PIP_NO_COMPILE
rm -rf "$CI_WORK/package" "$CI_WORK/all-extras"
main_command=$(grep -m1 '^pip install \. && ' README.md)
test_command=$(grep -m1 '^pip install "\.\[test\]" && ' README.md)
environment package

echo "$main_command"
eval "$main_command"
(cd "$CI_WORK" && eqinfo --version)

echo "$test_command"
eval "$test_command"
