#!/usr/bin/env bash
# The tests of llama.cpp, where its Python package has a wheel: compiling it takes minutes.
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

environment llama
if ! pip install -q --only-binary :all: --no-deps llama-cpp-python >"$CI_WORK/llama-pip.log" 2>&1; then
  echo "tests/test_llama_cpp_model.py did not run: no wheel of llama-cpp-python for this Python:"
  grep -m1 ERROR "$CI_WORK/llama-pip.log" || cat "$CI_WORK/llama-pip.log"
  exit
fi
pip install -q ".[test,llama]" gguf
pytest -q tests/test_llama_cpp_model.py
