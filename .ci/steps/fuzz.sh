#!/usr/bin/env bash
# Every fuzz target for FUZZ_SECONDS (30).
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

package test bench fuzz
FUZZ_SECONDS=${FUZZ_SECONDS:-30} fuzz/run "$CI_WORK/fuzz"
