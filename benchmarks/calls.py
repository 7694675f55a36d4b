"""Short texts: what a single call costs, of the codebook and of its other faces, beside peers.

One text per call at several sizes, the faces for transformers and tiktoken with batches, and
``datasets.map``. The texts are read again and again ("hot"), because that is where peers, which
remember the words that they have seen, are at their best. Contestants take turns, each with an
untimed call before the timed one; times are the best of the repeats. Before, each gives the texts
back.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import eqinfo
from common import (
    Report,
    add_json_option,
    input_file,
    noise,
    peer,
    positive,
    python_documentation,
    time_in_turns,
)
from eqinfo import Codebook
from eqinfo.codebook import BUNDLED
from peers.vocabularies import BPE_FILE, tiktoken_file, train_bpe

tokenizer: Any = peer("eqinfo.tokenizer")  # imported without this folder's tokenizers.py

SIZES = (20, 100, 500, 2000)
ROUND_CHARACTERS = 100_000
MAP_ROUNDS = 100  # datasets.map takes long to start
Run = Callable[[], object]
Columns = dict[str, tuple[int, dict[str, Run]]]
"""By name, the bytes of the texts and the contestants."""


@dataclass(frozen=True)
class Call:
    """Encodes one text, and gives it back."""

    encode: Callable[[str], Any]
    decode: Callable[[Any], str | bytes]


def texts_of(text: str, size: int, total: int) -> list[str]:
    """Cut texts of ``size`` characters, from all over a longer one."""
    count = max(2, total // size)
    step = max(1, (len(text) - size) // count)
    return [text[i * step : i * step + size] for i in range(count)]


def size_of(texts: Sequence[str]) -> int:
    """Return the bytes of texts."""
    return sum(len(text.encode()) for text in texts)


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


def single_calls(codebook: str) -> dict[str, Call]:
    """Return the contestants for one text per call."""
    table = Codebook.bundled(codebook)
    encoding = tokenizer.encoding(codebook)
    calls = {
        "Codebook.encode": Call(table.encode, table.decode),
        "eqinfo.encode": Call(
            lambda text: eqinfo.encode(text, codebook), lambda ids: eqinfo.decode(ids, codebook)
        ),
        "Codebook.encode_as_list": Call(table.encode_as_list, table.decode),
        "encoding.encode, a list": Call(encoding.encode, encoding.decode),
    }
    try:
        ranks = tiktoken_file("cl100k_base")
    except FileNotFoundError as error:
        print(f"gigatoken and fastokens are left out: {error}", file=sys.stderr)
        return calls
    if gigatoken := peer("gigatoken"):
        flat = gigatoken.Tokenizer.from_tiktoken(ranks, "cl100k", {})
        calls["gigatoken cl100k"] = Call(flat.encode, flat.decode)
        calls["gigatoken cl100k, a list"] = Call(
            lambda text: flat.encode(text).tolist(), flat.decode
        )
    if fastokens := peer("fastokens._native"):
        native = fastokens.Tokenizer.from_tiktoken(str(ranks), encoding="cl100k_base")
        calls["fastokens cl100k"] = Call(
            lambda text: native.encode_batch_flat([text]),
            lambda flat: native.decode(np.frombuffer(flat[0], np.uint32).tolist()),
        )
    return calls


def check_calls(calls: Mapping[str, Call], texts: Sequence[str]) -> None:
    """Exit if a contestant does not give the texts back."""
    for name, call in calls.items():
        for text in texts:
            found = call.decode(call.encode(text))
            if (found.decode() if isinstance(found, bytes) else found) != text:
                sys.exit(f"{name} did not restore {text!r}")


def call_columns(calls: Mapping[str, Call], text: str, total: int) -> Columns:
    """Return columns of single calls with texts of all sizes."""
    columns: Columns = {}
    for size in SIZES:
        texts = texts_of(text, size, total)
        check_calls(calls, texts)
        runs = {name: partial(each, call.encode, texts) for name, call in calls.items()}
        columns[f"{size:,} characters"] = size_of(texts), runs
    return columns


def faces(codebook: str, bpe: Path | None) -> dict[str, Any]:
    """Return the faces for transformers; gigatoken has a BPE that is trained here."""
    if not (peer("tokenizers") and peer("transformers")):
        return {}
    found = {"EqinfoTokenizer": tokenizer.from_codebook(codebook)}
    if bpe and (gigatoken := peer("gigatoken")):
        found["gigatoken.as_hf"] = gigatoken.Tokenizer(bpe).as_hf()
    return found


def face_columns(by_name: Mapping[str, Any], text: str, total: int) -> Columns:
    """Return columns of what all faces can do."""
    short, long = texts_of(text, 100, total), texts_of(text, 2000, total)
    columns: Columns = {
        "one call of 100 characters": (size_of(short), {}),
        "batch of 100": (size_of(short), {}),
        "batch of 100, ids only": (size_of(short), {}),
        "batch of 100, truncated": (size_of(short), {}),
        "batch of 2,000": (size_of(long), {}),
        "batch_decode of 100": (size_of(short), {}),
    }
    for name, face in by_name.items():
        ids = face(short)["input_ids"]
        if face.batch_decode(ids) != short:
            sys.exit(f"{name} did not restore the texts")
        calls: list[Run] = [
            partial(each, face, short),
            partial(face, short),
            partial(face, short, return_attention_mask=False),
            partial(face, short, truncation=True, max_length=64),
            partial(face, long),
            partial(face.batch_decode, ids),
        ]
        for (_, runs), call in zip(columns.values(), calls, strict=True):
            runs[name] = call
    return columns


def padded_columns(codebook: str, text: str, total: int) -> Columns:
    """Return calls of the tokenizer that are more than texts; the first one is not."""
    short = texts_of(text, 100, total)
    face = tokenizer.from_codebook(codebook)
    with_end = tokenizer.from_codebook(codebook, add_eos_token=True)
    runs: dict[str, Run] = {
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
    return {"batch of 100 characters": (size_of(short), runs)}


def mapped_columns(by_name: Mapping[str, Any], text: str, total: int) -> Columns:
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

    def with_ready() -> Any:
        tables = iter(ready)
        return arrow.map(lambda table: next(tables), new_fingerprint="ready", **options)

    def with_lists(face: Any) -> Any:
        return data.map(lambda batch: face(batch["text"]), **options)

    def with_arrow(batch_size: int) -> Any:
        return arrow.map(ours.encode_arrow, batch_size=batch_size, **options)

    expected = [ids.tolist() for ids in ours.codebook.encode_batch(texts)]
    for made in (with_ready(), with_arrow(1000), with_arrow(len(texts)), with_lists(ours)):
        if made.with_format(None)[:]["input_ids"] != expected:
            sys.exit("datasets.map gave other ids than Codebook.encode_batch")
    runs: dict[str, Run] = {
        "Codebook.encode_batch": lambda: ours.codebook.encode_batch(texts),
        "Codebook.encode_batch of the Arrow column": lambda: ours.codebook.encode_batch(column),
        "map with ids that are ready": with_ready,
        "both of these": lambda: (with_ready(), ours.codebook.encode_batch(column)),
        "map(tokenizer.encode_arrow)": partial(with_arrow, 1000),
        "map(tokenizer.encode_arrow), one batch": partial(with_arrow, len(texts)),
        **{f"map with {name}": partial(with_lists, face) for name, face in by_name.items()},
    }
    return {"texts of 500 characters": (size_of(texts), runs)}


def table(report: Report, title: str, columns: Columns, repeats: int) -> None:
    """Time the contestants of every column in turns; rows are contestants, in MB/s."""
    speeds: dict[str, list[float]] = {}
    all_timings = {}
    for column, (size, runs) in columns.items():
        timings = time_in_turns(runs, repeats, hot=True)
        for name, timing in timings.items():
            all_timings[f"{column}: {name}"] = timing
            speeds.setdefault(name, []).append(size / timing.best / 1e6)
    rows = [[name, *values] for name, values in speeds.items()]
    report.table(f"{title}; {noise(all_timings)}", ["MB/s", *columns], rows)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--text",
        type=input_file,
        metavar="FILE",
        help=f"text to encode, {max(SIZES):,} characters or more (default: Python's documentation)",
    )
    parser.add_argument("--codebook", default="en", choices=BUNDLED)
    parser.add_argument("--bpe", type=positive, default=16_384, help="ids of the peers' vocabulary")
    parser.add_argument("--folder", type=Path, help="keep and find the peers' vocabulary there")
    parser.add_argument(
        "--characters", type=positive, default=ROUND_CHARACTERS, help="text of a round"
    )
    parser.add_argument("--repeats", type=positive, default=31)
    add_json_option(parser)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    documentation, held_out = python_documentation()
    data = arguments.text.read_bytes() if arguments.text else held_out
    text = data.decode("utf-8", "ignore")
    if len(text) < max(SIZES):
        sys.exit(f"{arguments.text}: expected {max(SIZES):,} characters or more, found {len(text)}")
    total, repeats = arguments.characters, arguments.repeats
    report = Report(arguments.json)
    with tempfile.TemporaryDirectory() as scratch:
        columns = call_columns(single_calls(arguments.codebook), text, total)
        table(report, "One text per call", columns, repeats)
        bpe = bpe_file(arguments, documentation, scratch) if peer("gigatoken") else None
        if by_name := faces(arguments.codebook, bpe):
            table(report, "Faces for transformers", face_columns(by_name, text, total), repeats)
            columns = padded_columns(arguments.codebook, text, total)
            table(report, "EqinfoTokenizer", columns, repeats)
            columns = mapped_columns(by_name, text, MAP_ROUNDS * total)
            if columns:
                table(report, "datasets.map", columns, max(3, repeats // 10))
    report.save()


if __name__ == "__main__":
    main()
