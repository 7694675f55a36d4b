#!/usr/bin/env bash
# The study: the parts of its tests that need torch or a browser, and a report at toy size.
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

package test train
export OMP_NUM_THREADS=1
pytest -q tests/test_experiment_m2.py tests/test_experiment_page.py tests/test_experiment_spelling.py \
  tests/test_m2_from_shards.py tests/test_m2_gpu.py
eqinfo report docs/*.md python/eqinfo/*/*.py --preset toy -o "$CI_WORK/study-report"
