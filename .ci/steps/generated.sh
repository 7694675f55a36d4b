#!/usr/bin/env bash
# Files made by a program equal what the program makes: type stubs, tables, pictures, registers of
# the kernels.
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

package test lint
made=$CI_WORK/generated
mkdir -p "$made/csrc/cuda"
cp -r scripts .clang-format "$made"
cp -r csrc/tables "$made/csrc"

stub() {
  python -m pybind11_stubgen "eqinfo.$1" -o "$made/stubs" --numpy-array-use-type-var
  diff "python/eqinfo/$1.pyi" "$made/stubs/eqinfo/$1.pyi"
}
stub _core
(
  cd "$made"
  python scripts/make_exp2_table.py
  python scripts/make_gate_table.py
  python scripts/make_mixer_tables.py
  python scripts/make_sigmoid_table.py
  clang-format -i csrc/tables/*.h
)
diff -r csrc/tables "$made/csrc/tables"

mkdir -p "$made/docs"
python "$made/scripts/make_windows_picture.py"
# The others show measurements.
for theme in light dark; do
  diff "docs/pictures/windows-$theme.svg" "$made/docs/pictures/windows-$theme.svg"
done

if command -v nvcc >/dev/null; then
  stub _cuda
  pip install -q --target "$made/cuobjdump" --no-deps nvidia-cuda-cuobjdump
  find "$made/cuobjdump" -name cuobjdump -type f -exec chmod +x {} +
  PATH=$(dirname "$(find "$made/cuobjdump" -name cuobjdump -type f)"):$PATH \
    python "$made/scripts/make_cuda_resources.py"
  diff csrc/cuda/resources.csv "$made/csrc/cuda/resources.csv"
else
  echo "no nvcc on this machine: the CUDA module's stubs and resources are not compared"
fi
