#!/usr/bin/env bash
# Native allocations fail, one after the other, and nothing leaks; and processes fork and exit many times while their
# threads are in native calls.
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

package test bench
EQINFO_FORKS=1000 EQINFO_EXITS=60 python -m pytest -q tests/test_forks.py tests/test_exit.py
copy_with faults -DEQINFO_FAULTS=ON
python -m pytest -q tests/test_allocation.py tests/test_leaks.py
