"""How fast are the texts of JSON lines read, compared with what people use for it?

Every contestant turns a file of JSON lines into the texts of one field, on one thread: eqinfo's
reader, a loop over `json.loads`, a loop over `orjson.loads`, `pyarrow.json` with a schema, and the
datasets package. The whole job of `eqinfo tokenize` is a contestant, too.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from common import Cell, Report, add_json_option, noise, peer, time_in_turns
from eqinfo import shards
from eqinfo.api import DEFAULT_CODEBOOK
from eqinfo.common.batch import TextBatch
from eqinfo.shards.read import read_unit
from eqinfo.shards.units import FileRange, Unit

FIELD = "text"
TEXT = "the window of text and bits into many parts for every reader who looks"


def write_lines(path: Path, documents: int, characters: int) -> None:
    """Write objects with an id and a text of about so many characters."""
    rng = random.Random(0)
    with path.open("w") as file:
        for number in range(documents):
            text = " ".join(rng.choices(TEXT.split(), k=round(characters / 4.8)))
            file.write(json.dumps({"id": number, FIELD: text}) + "\n")


def ours(path: Path) -> int:
    size = path.stat().st_size
    unit = Unit(0, (FileRange(str(path), str(path), "jsonl", size, 0, size, size),))
    runs = (run.texts for _, run in read_unit(unit, shards.ShardParameters(text_field=FIELD)))
    return sum(len(texts) for texts in runs if isinstance(texts, TextBatch))


def loop(path: Path, loads: Callable[[bytes], dict[str, str]]) -> int:
    def texts() -> Iterator[bytes]:
        with path.open("rb") as file:
            for line in file:
                yield loads(line)[FIELD].encode()

    return sum(1 for _ in texts())


def arrow(path: Path) -> int:
    pa, reader = peer("pyarrow"), peer("pyarrow.json")
    options = reader.ReadOptions(use_threads=False, block_size=1 << 22)
    parse = reader.ParseOptions(
        explicit_schema=pa.schema([(FIELD, pa.string())]), unexpected_field_behavior="ignore"
    )
    return int(reader.read_json(path, options, parse).num_rows)


def datasets(path: Path, cache: Path) -> int:
    shutil.rmtree(cache, ignore_errors=True)
    data = peer("datasets")
    data.disable_progress_bars()
    return len(data.Dataset.from_json(str(path), cache_dir=str(cache)))


def tokenize(path: Path, out: Path) -> int:
    shutil.rmtree(out, ignore_errors=True)
    return int(shards.tokenize([path], out, DEFAULT_CODEBOOK)["documents"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=300_000)
    parser.add_argument("--characters", type=int, default=100, help="per document")
    parser.add_argument("--repeats", type=int, default=3)
    add_json_option(parser)
    arguments = parser.parse_args()
    report = Report(arguments.json)
    with tempfile.TemporaryDirectory() as folder:
        path, scratch = Path(folder) / "lines.jsonl", Path(folder) / "scratch"
        write_lines(path, arguments.documents, arguments.characters)
        contestants: dict[str, Callable[[], int]] = {
            "eqinfo's reader": lambda: ours(path),
            "json.loads in a loop": lambda: loop(path, json.loads),
        }
        if orjson := peer("orjson"):
            contestants["orjson.loads in a loop"] = lambda: loop(path, orjson.loads)
        if peer("pyarrow.json"):
            contestants["pyarrow.json"] = lambda: arrow(path)
        if peer("datasets"):
            contestants["datasets, without its cache"] = lambda: datasets(path, scratch)
        contestants["eqinfo tokenize, the whole job"] = lambda: tokenize(path, scratch)
        for name, run in contestants.items():
            assert run() == arguments.documents, name
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
