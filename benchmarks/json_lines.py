"""How fast are the texts of JSON lines read, compared with what people use for it?

Every contestant turns a file of JSON lines into the texts of one field, on one thread: eqinfo's
reader, a loop over `json.loads`, a loop over `orjson.loads`, `pyarrow.json` with a schema, and the
datasets package. The whole job of `eqinfo tokenize` is a contestant, too. Before, all texts are
compared with those that were written.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from common import Cell, Report, add_json_option, noise, peer, positive, time_in_turns
from eqinfo import Codebook, shards
from eqinfo.api import DEFAULT_CODEBOOK
from eqinfo.common.batch import TextBatch
from eqinfo.shards.read import read_unit
from eqinfo.shards.units import FileRange, Unit

FIELD = "text"
TEXT = "the window of text and bits into many parts for every reader who looks"


def write_lines(path: Path, documents: int, characters: int) -> list[str]:
    """Write objects with an id and a text of about so many characters; return the texts."""
    rng = random.Random(0)
    words, count = TEXT.split(), max(1, round(characters / 4.8))
    texts = [" ".join(rng.choices(words, k=count)) for _ in range(documents)]
    with path.open("w") as file:
        for number, text in enumerate(texts):
            file.write(json.dumps({"id": number, FIELD: text}) + "\n")
    return texts


def ours(path: Path) -> Iterator[TextBatch]:
    size = path.stat().st_size
    unit = Unit(0, (FileRange(str(path), str(path), "jsonl", size, 0, size, size),))
    for _, run in read_unit(unit, shards.ShardParameters(text_field=FIELD)):
        if isinstance(run.texts, TextBatch):
            yield run.texts


def loop(path: Path, loads: Callable[[bytes], dict[str, str]]) -> Iterator[str]:
    with path.open("rb") as file:
        for line in file:
            yield loads(line)[FIELD]


def arrow(path: Path, pyarrow: Any) -> Any:
    reader = pyarrow.json
    options = reader.ReadOptions(use_threads=False, block_size=1 << 22)
    parse = reader.ParseOptions(
        explicit_schema=pyarrow.schema([(FIELD, pyarrow.string())]),
        unexpected_field_behavior="ignore",
    )
    return reader.read_json(path, options, parse)


def dataset(path: Path, cache: Path, datasets: Any) -> Any:
    shutil.rmtree(cache, ignore_errors=True)
    return datasets.Dataset.from_json(str(path), cache_dir=str(cache))


def tokenize(path: Path, out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    shards.tokenize([path], out, DEFAULT_CODEBOOK)


def exhaust(items: Iterable[object]) -> None:
    deque(items, maxlen=0)


def check(name: str, found: Iterable[str], expected: list[str]) -> None:
    """Exit if a reader gave other texts."""
    if [*found] != expected:
        sys.exit(f"{name}: expected the texts that were written, found others")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=positive, default=300_000)
    parser.add_argument("--characters", type=positive, default=100, help="per document")
    parser.add_argument("--repeats", type=positive, default=3)
    add_json_option(parser)
    arguments = parser.parse_args()
    report = Report(arguments.json)
    with tempfile.TemporaryDirectory() as folder:
        path, scratch = Path(folder) / "lines.jsonl", Path(folder) / "scratch"
        expected = write_lines(path, arguments.documents, arguments.characters)
        loops = {"json.loads in a loop": json.loads}
        if orjson := peer("orjson"):
            loops["orjson.loads in a loop"] = orjson.loads
        contestants: dict[str, Callable[[], object]] = {
            "eqinfo's reader": lambda: exhaust(ours(path)),
            **{name: partial(lambda f: exhaust(loop(path, f)), f) for name, f in loops.items()},
        }
        check("eqinfo's reader", (text for texts in ours(path) for text in texts), expected)
        for name, loads in loops.items():
            check(name, loop(path, loads), expected)
        if peer("pyarrow.json"):
            contestants["pyarrow.json"] = partial(arrow, path, peer("pyarrow"))
            check("pyarrow.json", arrow(path, peer("pyarrow"))[FIELD].to_pylist(), expected)
        if datasets := peer("datasets"):
            datasets.disable_progress_bars()
            contestants["datasets, without its cache"] = partial(dataset, path, scratch, datasets)
            check("datasets", dataset(path, scratch, datasets)[FIELD], expected)
        contestants["eqinfo tokenize, the whole job"] = partial(tokenize, path, scratch)
        tokenize(path, scratch)
        codebook = Codebook.bundled(DEFAULT_CODEBOOK)
        written = [codebook.decode(document) for document in shards.open(scratch)]
        check("eqinfo tokenize", written, expected)
        timings = time_in_turns(contestants, arguments.repeats)
        size = path.stat().st_size
    best = timings["json.loads in a loop"].best
    rows: list[list[Cell]] = [
        [name, size / timing.best / 1e6, best / timing.best] for name, timing in timings.items()
    ]
    title = f"{arguments.documents:,} lines, {size / 1e6:.0f} MB; {noise(timings)}"
    report.table(title, ["reader", "MB of file per second", "times json.loads"], rows)
    report.save()


if __name__ == "__main__":
    main()
