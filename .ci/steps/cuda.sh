#!/usr/bin/env bash
# The CUDA module. The README's command has built it if nvcc is there (EQINFO_CUDA=AUTO), and its tests
# have executed the kernels on the processor.
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

package test
if command -v nvcc >/dev/null; then
  (cd "$CI_WORK" && python -c "from eqinfo import _cuda, cuda; print(cuda.availability())")
  python benchmarks/cuda.py
else
  echo "no nvcc on this machine: the CUDA module is not built"
  package bench
  if cmake -S . -B "$CI_WORK/cuda-build" -DEQINFO_CUDA=ON -DSKBUILD_PROJECT_VERSION=0 \
    -Dpybind11_DIR="$(python -m pybind11 --cmakedir)" >"$CI_WORK/cuda-build.log" 2>&1; then
    echo "expected EQINFO_CUDA=ON to fail without nvcc, found that it was configured"
    exit 1
  fi
  grep -F "EQINFO_CUDA=ON: expected a CUDA compiler (nvcc), found none" "$CI_WORK/cuda-build.log"
fi
