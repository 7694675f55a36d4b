#!/usr/bin/env bash
# Every benchmark at toy size: that they run, not how fast.
# shellcheck source=.ci/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

package test bench
pip install -q --no-deps --target "$CI_WORK/litellm" litellm # its wheel has the tables of tiktoken
export PYTHONPATH=$CI_WORK/litellm
export OMP_NUM_THREADS=1

bench() {
  local name=$1
  shift
  echo "benchmarks/$name.py $*"
  python "benchmarks/$name.py" "$@" >"$CI_WORK/benchmark-$name.txt"
  tail -n 3 "$CI_WORK/benchmark-$name.txt"
}
bench range_coder --symbols 2000 --repeats 1
bench frequency --repeats 1
bench window --train-bytes 200000 --text-bytes 5000
bench window_engine --model en --text-bytes 5000 --documents 8
bench codebook --bytes 200000 --repeats 3 --build "$CI_WORK/benchmark-codebook"
bench string_column --bytes 100000 --repeats 1
bench native_model README.md --bytes 3000 --repeats 1
bench transformer --layers 1 --symbols 8 --repeats 1
bench mixer README.md --bytes 3000 --repeats 1
bench lz77 README.md --bytes 3000 --repeats 1
bench files --quick --json "$CI_WORK/files.json"
python scripts/make_files_picture.py "$CI_WORK/files.json" --folder "$CI_WORK"
bench file_threads README.md --bytes 300000 --repeats 1
pytest -q -o pythonpath="benchmarks scripts" benchmarks/test_files.py benchmarks/test_learnability_page.py \
  benchmarks/test_options.py benchmarks/test_tables.py
bench domains --write "$CI_WORK/domains" --bytes 5000
bench shards docs/pipeline.md --repeats 1
bench json_lines --documents 2000 --repeats 1
bench tokenizers --toy
bench calls --characters 4000 --repeats 1 --bpe 400
bench learnability --toy --tables bpe superbpe --embedding plain text kronecker \
  --queue "$CI_WORK/learnability"
bench learnability --table "$CI_WORK/learnability"
bench embedding --ids 1024 --tokens 64 --width 16 --repeats 1
bench repeatability
bench startup --repeats 1
pytest -q benchmarks/test_speed.py --benchmark-disable
