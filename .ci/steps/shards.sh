#!/usr/bin/env bash
# Shards on Ray; all else about shards is in the tests of the README's command.
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

package test ray
timeout 300 pytest -q tests/test_shards_ray.py
