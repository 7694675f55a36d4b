#!/usr/bin/env bash
# The tests and examples that need torch, which the test extra does not bring.
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

package test train
export OMP_NUM_THREADS=1
pytest -q tests/test_models.py tests/test_torch_model.py tests/test_hf_model.py tests/test_cuda.py \
  tests/test_cuda_windows.py tests/test_cuda_transformer.py tests/test_train.py tests/test_paper_model.py \
  tests/test_embedding.py tests/test_window_embedding.py tests/test_cli_overwriting.py tests/test_wrong_arguments.py
pytest -q tests/test_faulty_*.py -k "checkpoint or paper or training"
pytest -q tests/test_transformer_folder.py tests/test_shards_dataset.py tests/test_tokenizer.py \
  -k "logits_are or tensors or labels"
pytest -q -o pythonpath=benchmarks benchmarks/test_learnability.py \
  benchmarks/test_run_queue.py benchmarks/test_learnability_table.py
python examples/function_model.py README.md
python examples/torch_model.py README.md
pytest -q tests/test_examples.py
pytest -q tests/test_code_blocks.py tests/test_docstrings.py -k "tutorial or models or embedding"
