#!/usr/bin/env bash
# The tests of llama.cpp, where its Python package has a wheel: compiling it takes minutes.
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

environment llama
wanted=$(grep '^llama-cpp-python==' "$PIP_CONSTRAINT")
if ! PIP_CONSTRAINT='' pip install -q --only-binary :all: --no-deps "$wanted" >"$CI_WORK/llama-pip.log" 2>&1; then
  echo "tests/test_llama_cpp_model.py did not run, because there is no wheel of $wanted:"
  grep ERROR "$CI_WORK/llama-pip.log" || cat "$CI_WORK/llama-pip.log"
  exit
fi
pip install -q ".[test,llama]" gguf
pytest -q tests/test_llama_cpp_model.py
