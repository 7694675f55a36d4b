#!/usr/bin/env bash
# The tests of threads under ThreadSanitizer. A race does not fail a test: the process ends with
# status 66.
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

package test bench
copy_with thread -DEQINFO_SANITIZE=thread
raced() {
  LD_PRELOAD="$(gcc -print-file-name=libtsan.so)" TSAN_OPTIONS="suppressions=$PWD/.ci/thread.supp" \
    python "$@"
}
raced -c "import eqinfo._core as core; assert core.__file__.startswith('$CI_WORK/thread/')"
raced -m pytest -q tests/test_container.py -k "threads and (codebook or ranged) and not spaces"
raced -m pytest -q tests/test_threads.py -k "not tokenizer and not documentation and not within"
raced -m pytest -q -k thread tests/test_codebook.py tests/test_codebook_fit.py \
  tests/test_string_column.py tests/test_native_model.py tests/test_window_engine.py \
  tests/test_range_coder.py
