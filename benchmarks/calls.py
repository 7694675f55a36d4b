"""Short texts: what a single call costs, of the codebook and of its other faces, beside peers.

One text per call at several sizes, the faces for transformers and tiktoken with batches, and
``datasets.map``. The texts are read again and again ("hot"), because that is where peers, which
remember the words that they have seen, are at their best. Contestants take turns, each with an
untimed call before the timed one; times are the best of the repeats.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import eqinfo
from common import Report, add_json_option, noise, peer, python_documentation, time_in_turns
from eqinfo import Codebook
from peers.vocabularies import BPE_FILE, tiktoken_file, train_bpe

SIZES = (20, 100, 500, 2000)
ROUND_BYTES = 100_000
MAP_ROUNDS = 100  # datasets.map takes long to start
Calls = Mapping[str, Callable[[str], object]]
Run = Callable[[], object]


def texts_of(text: str, size: int, total: int) -> list[str]:
    """Cut texts of ``size`` characters, from all over a longer one."""
    count = max(2, total // size)
    step = max(1, (len(text) - size) // count)
    return [text[i * step : i * step + size] for i in range(count)]


def each(call: Callable[[str], object], texts: Sequence[str]) -> None:
    for text in texts:
        call(text)


def bpe_file(arguments: argparse.Namespace, text: bytes, scratch: str) -> Path:
    folder = arguments.folder or Path(scratch)
    folder.mkdir(parents=True, exist_ok=True)
    path: Path = folder / BPE_FILE
    if not path.exists():
        train_bpe(text, arguments.bpe, path)
    return path


def single_calls(codebook: str) -> Calls:
    """Return the contestants for one text per call."""
    table = Codebook.bundled(codebook)
    calls: dict[str, Callable[[str], object]] = {
        "Codebook.encode": table.encode,
        "eqinfo.encode": lambda text: eqinfo.encode(text, codebook),
        "Codebook.encode_as_list": table.encode_as_list,
        "encoding.encode, a list": peer("eqinfo.tokenizer").encoding(codebook).encode,
    }
    try:
        ranks = tiktoken_file("cl100k_base")
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return calls
    if gigatoken := peer("gigatoken"):
        of_gigatoken = gigatoken.Tokenizer.from_tiktoken(ranks, "cl100k", {})
        calls["gigatoken cl100k"] = of_gigatoken.encode
        calls["gigatoken cl100k, a list"] = lambda text: of_gigatoken.encode(text).tolist()
    if fastokens := peer("fastokens._native"):
        flat = fastokens.Tokenizer.from_tiktoken(str(ranks), encoding="cl100k_base")
        calls["fastokens cl100k"] = lambda text: flat.encode_batch_flat([text])
    return calls


def faces(codebook: str, bpe: Path) -> Mapping[str, Any]:
    """Return the faces for transformers; gigatoken has a BPE that is trained here."""
    found = {"EqinfoTokenizer": peer("eqinfo.tokenizer").from_codebook(codebook)}
    if gigatoken := peer("gigatoken"):
        found["gigatoken.as_hf"] = gigatoken.Tokenizer(bpe).as_hf()
    return found


def face_runs(face: Any, text: str, total: int) -> dict[str, Run]:
    short, long = texts_of(text, 100, total), texts_of(text, 2000, total)
    ids = face(short)["input_ids"]
    return {
        "one call of 100 B": lambda: each(face, short),
        "batch of 100 B": lambda: face(short),
        "batch of 100 B, ids only": lambda: face(short, return_attention_mask=False),
        "batch of 100 B, truncated": lambda: face(short, truncation=True, max_length=64),
        "batch of 2 kB": lambda: face(long),
        "batch_decode of 100 B": lambda: face.batch_decode(ids),
    }


def padded_runs(codebook: str, text: str, total: int) -> dict[str, Run]:
    """Return calls of the tokenizer that are more than texts; the first one is not."""
    short = texts_of(text, 100, total)
    face = peer("eqinfo.tokenizer").from_codebook(codebook)
    with_end = peer("eqinfo.tokenizer").from_codebook(codebook, add_eos_token=True)
    return {
        "nothing but texts": lambda: face(short),
        "truncation": lambda: face(short, truncation=True, max_length=64),
        "padding": lambda: face(short, padding=True),
        "padding, NumPy": lambda: face(short, padding=True, return_tensors="np"),
        "special tokens": lambda: with_end(short),
        "overflow": lambda: face(
            short, truncation=True, max_length=16, return_overflowing_tokens=True
        ),
        "offsets": lambda: face(short, return_offsets_mapping=True),
    }


def mapped_runs(by_name: Mapping[str, Any], text: str, total: int) -> dict[str, Run]:
    """Return ``datasets.map`` with every face, and what it cannot be faster than.

    That is encoding alone, and ``map`` with ids that are ready. Nothing without the package.
    """
    datasets = peer("datasets")
    if datasets is None:
        return {}
    datasets.disable_progress_bars()
    datasets.disable_caching()
    texts = texts_of(text, 500, total)
    data = datasets.Dataset.from_dict({"text": texts})
    options = {"batched": True, "remove_columns": "text"}
    ours = by_name["EqinfoTokenizer"]

    arrow = data.with_format("arrow")
    column = arrow[:]["text"]
    batches = range(0, len(texts), 1000)  # what map uses
    ready = [ours.encode_arrow(arrow[begin : begin + 1000]) for begin in batches]

    def with_ready() -> object:
        tables = iter(ready)
        return arrow.map(lambda table: next(tables), new_fingerprint="ready", **options)

    def with_lists(face: Any) -> object:
        return data.map(lambda batch: face(batch["text"]), **options)

    return {
        "Codebook.encode_batch": lambda: ours.codebook.encode_batch(texts),
        "Codebook.encode_batch of the Arrow column": lambda: ours.codebook.encode_batch(column),
        "map with ids that are ready": with_ready,
        "both of these": lambda: (with_ready(), ours.codebook.encode_batch(column)),
        "map(tokenizer.encode_arrow)": lambda: arrow.map(ours.encode_arrow, **options),
        "map(tokenizer.encode_arrow), one batch": lambda: arrow.map(
            ours.encode_arrow, batch_size=len(texts), **options
        ),
        **{f"map with {name}": partial(with_lists, face) for name, face in by_name.items()},
    }


def table(
    report: Report, title: str, columns: Mapping[str, Mapping[str, Run]], total: int, repeats: int
) -> None:
    """Time the contestants of every column in turns; rows are contestants, in MB/s."""
    speeds: dict[str, list[float]] = {}
    for runs in columns.values():
        timings = time_in_turns(runs, repeats, hot=True)
        print(noise(timings))
        for name, timing in timings.items():
            speeds.setdefault(name, []).append(total / timing.best / 1e6)
    report.table(title, ["MB/s", *columns], [[name, *values] for name, values in speeds.items()])


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--text", type=Path, metavar="FILE", help="text to encode")
    parser.add_argument("--codebook", default="en")
    parser.add_argument("--bpe", type=int, default=16_384, help="ids of the peers' vocabulary")
    parser.add_argument("--folder", type=Path, help="keep the peers' vocabulary there")
    parser.add_argument("--bytes", type=int, default=ROUND_BYTES, help="text of a round")
    parser.add_argument("--repeats", type=int, default=31)
    add_json_option(parser)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    documentation, held_out = python_documentation()
    data = arguments.text.read_bytes() if arguments.text else held_out
    text = data.decode("utf-8", "ignore")
    report = Report(arguments.json)
    with tempfile.TemporaryDirectory() as scratch:
        bpe = bpe_file(arguments, documentation, scratch)
        calls = single_calls(arguments.codebook)
        columns = {
            f"{size:,} B": {
                name: partial(each, call, texts_of(text, size, arguments.bytes))
                for name, call in calls.items()
            }
            for size in SIZES
        }
        table(report, "One text per call", columns, arguments.bytes, arguments.repeats)
        by_name = faces(arguments.codebook, bpe)
        runs = {name: face_runs(face, text, arguments.bytes) for name, face in by_name.items()}
        columns = {
            case: {name: of[case] for name, of in runs.items()}
            for case in next(iter(runs.values()))
        }
        table(report, "Faces for transformers", columns, arguments.bytes, arguments.repeats)
        columns = {"batch of 100 B": padded_runs(arguments.codebook, text, arguments.bytes)}
        table(report, "EqinfoTokenizer", columns, arguments.bytes, arguments.repeats)
        total = MAP_ROUNDS * arguments.bytes
        if mapped := mapped_runs(by_name, text, total):
            columns = {"texts of 500 B": mapped}
            table(report, "datasets.map", columns, total, max(3, arguments.repeats // 10))
    report.save()


if __name__ == "__main__":
    main()
