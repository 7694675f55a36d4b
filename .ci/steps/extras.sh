#!/usr/bin/env bash
# All the extras that the steps after this one use, in the environment of the README's commands.
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

environment package
pip install -q "eqinfo[test,lint,train,ray,fuzz,bench]"
touch "$CI_WORK/all-extras"
