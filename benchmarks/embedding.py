"""Text embeddings: time of their features, and time and memory of a training step.

    python benchmarks/embedding.py [--ids 65536] [--tokens 2048] [--width 128]

The features of the strings of the codebook `en`, four times over, are timed, and those of a part of
them by the plain-Python reference. Composing the table with its gradient is timed beside PyTorch's
embedding_bag with the gradient of its own. A step looks up the tokens, predicts the next ones from
their vectors, and updates all weights by AdamW: with a text embedding, with a plain one, and with a
plain one and PyTorch's loss, which has the logits of all tokens in memory. They take turns, each
time in a new process; its memory is the most that it takes beyond what it had after its imports,
with the strings. Features and the table are compared with the other way to make them.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from common import Report, add_json_option, positive, time_in_turns
from eqinfo.codebook import Codebook
from eqinfo.embedding import DEFAULT_KINDS, TextEmbedding, cross_entropy, text_features
from eqinfo.reference import text_features as reference

CONTESTANTS = ("text", "plain", "plain, all logits")
COPIES = 4
BUCKETS = 16_384


def strings(count: int) -> list[bytes]:
    """Return the strings of the codebook `en`, again and again."""
    codebook = Codebook.bundled("en")
    return [codebook[i % len(codebook)] for i in range(count)]


def feature_rows(count: int, repeats: int) -> list[list[str | int | float]]:
    """Time the features of many strings, and of a part of them by the reference."""
    texts, part = strings(count), strings(max(1, count // 100))

    def by_reference() -> list[list[int]]:
        return [reference.text_features(text, DEFAULT_KINDS, BUCKETS) for text in part]

    found = text_features(part, BUCKETS)
    rows = np.split(found.buckets, found.offsets[1:-1])
    if [row.tolist() for row in rows] != by_reference():
        sys.exit("expected the features of the reference, found others")
    timings = time_in_turns(
        {"eqinfo": lambda: text_features(texts, BUCKETS), "reference": by_reference}, repeats
    )
    native, plain = timings["eqinfo"].best / len(texts), timings["reference"].best / len(part)
    return [
        ["eqinfo", len(texts), f"{1e6 * native:.2f}", f"{native * len(texts):.2f}", "1"],
        ["plain Python", len(part), f"{1e6 * plain:.1f}", "", f"{plain / native:.0f}"],
    ]


def table_rows(ids: int, width: int, repeats: int) -> list[list[str | int | float]]:
    """Time the table and its gradient, by lists of rows for each bucket and as PyTorch does it."""
    texts = strings(ids)
    found = text_features(texts, BUCKETS)
    buckets, offsets = (torch.from_numpy(a).long() for a in (found.buckets, found.offsets))
    scale = offsets.diff().clamp(min=1).rsqrt()[:, None]
    embedding = TextEmbedding(texts, width)
    gradient = torch.ones(ids, width)

    def by_embedding_bag() -> Tensor:
        sums = functional.embedding_bag(
            buckets, embedding.features, offsets, mode="sum", include_last_offset=True
        )
        return embedding.own + scale * sums

    tables = {"eqinfo": embedding.table, "embedding_bag": by_embedding_bag}
    gradients = []
    for table in tables.values():
        embedding.zero_grad()
        table().backward(gradient)
        gradients.append([parameter.grad for parameter in embedding.parameters()])
    if not torch.allclose(*(table() for table in tables.values()), atol=1e-6) or not all(
        torch.allclose(one, other, rtol=1e-4, atol=1e-4)
        for one, other in zip(*gradients, strict=True)
    ):
        sys.exit("expected the table and gradients of embedding_bag, found others")
    timings = time_in_turns(
        {
            name: lambda table=table: table().backward(gradient)  # type: ignore[misc]
            for name, table in tables.items()
        },
        repeats,
    )
    least = timings["eqinfo"].best
    return [[name, f"{t.best:.3f}", f"{t.best / least:.2f}"] for name, t in timings.items()]


def peak_bytes() -> int:
    """Return the most memory that this process has had."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure_step(contestant: str, ids: int, tokens: int, width: int) -> None:
    """Print, as JSON, the seconds of the second step, and bytes of memory."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    texts = strings(ids)
    before = peak_bytes()
    embedding: nn.Embedding | TextEmbedding
    if contestant == "text":
        embedding = TextEmbedding(texts, width)
    else:
        embedding = nn.Embedding(ids, width)
        # PyTorch's own start, 1, makes logits so far apart that tiny products slow multiplication.
        nn.init.normal_(embedding.weight, std=0.02)
    optimizer = torch.optim.AdamW(embedding.parameters())
    inputs = torch.from_numpy(np.random.default_rng(0).integers(0, ids, tokens + 1))

    def loss() -> Tensor:
        hidden = embedding(inputs[:-1])
        if contestant == "plain, all logits":
            return functional.cross_entropy(hidden @ embedding.weight.T, inputs[1:])
        return cross_entropy(hidden, embedding.weight, inputs[1:])

    seconds = 0.0
    for _ in range(2):
        begin = time.process_time()
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
        seconds = time.process_time() - begin
    print(json.dumps([seconds, peak_bytes() - before]))


def step_rows(sizes: list[str], repeats: int) -> list[list[str | int | float]]:
    """Run every contestant's steps in turns; the least time and memory count."""
    found: dict[str, list[list[float]]] = {contestant: [] for contestant in CONTESTANTS}
    for _ in range(repeats):
        for contestant, measured in found.items():
            command = [sys.executable, str(Path(__file__)), *sizes, "--contestant", contestant]
            measured.append(json.loads(subprocess.check_output(command)))
    least = {name: [min(one) for one in zip(*runs, strict=True)] for name, runs in found.items()}
    plain = least["plain"][0]
    return [
        [name, f"{seconds:.2f}", f"{seconds / plain:.2f}", f"{memory / 1e6:.0f}"]
        for name, (seconds, memory) in least.items()
    ]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ids", type=positive, default=65_536)
    parser.add_argument("--tokens", type=positive, default=2_048, help="in a step")
    parser.add_argument("--width", type=positive, default=128)
    parser.add_argument("--repeats", type=positive, default=3)
    parser.add_argument("--contestant", choices=CONTESTANTS, help="measure one, and print JSON")
    add_json_option(parser)
    options = parser.parse_args()
    sizes = [options.ids, options.tokens, options.width]
    if options.contestant:
        measure_step(options.contestant, *sizes)
        return
    report = Report(options.json)
    report.table(
        "Features of texts",
        ["", "strings", "us per string", "s for all", "/ eqinfo"],
        feature_rows(COPIES * options.ids, options.repeats),
    )
    torch.set_num_threads(1)
    report.table(
        f"The table of {options.ids:,} ids, {options.width} wide, and its gradient",
        ["", "s", "/ eqinfo"],
        table_rows(options.ids, options.width, options.repeats),
    )
    names = ("--ids", "--tokens", "--width")
    report.table(
        f"A step of {options.tokens:,} tokens, {options.ids:,} ids, {options.width} wide",
        ["embedding", "s", "/ plain", "MB"],
        step_rows(
            [f"{name}={size}" for name, size in zip(names, sizes, strict=True)], options.repeats
        ),
    )
    report.save()


if __name__ == "__main__":
    main()
