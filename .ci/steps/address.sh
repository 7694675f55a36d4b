#!/usr/bin/env bash
# The native stages under AddressSanitizer and UndefinedBehaviorSanitizer, CUDA's kernels as C++ among
# them.
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

package test bench
copy_with address -DEQINFO_SANITIZE=address
sanitized() {
  LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libstdc++.so.6)" \
    ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1 PYTHONMALLOC=malloc \
    python "$@"
}
sanitized -c "import eqinfo._core as core; assert core.__file__.startswith('$CI_WORK/address/')"
# The two tests left out compare large texts with the reference or with floating point.
sanitized -m pytest -q -n 2 --dist loadfile --hypothesis-profile sanitizers \
  -k "not words_of_anything and not coding_loss" \
  tests/test_frequency.py tests/test_range_coder.py tests/test_window.py tests/test_codebook.py \
  tests/test_codebook_decode.py tests/test_codebook_fit.py tests/test_word.py tests/test_golden.py \
  tests/test_mixer.py tests/test_lz77.py tests/test_native_model.py tests/test_transformer.py \
  tests/test_text_features.py tests/test_window_engine.py tests/test_string_column.py \
  tests/test_bits.py tests/test_json_lines.py tests/test_bindings.py
sanitized -m pytest -q -n 2 --dist loadfile tests/test_cuda_sim.py tests/test_cuda_kernels_*.py -k shim
