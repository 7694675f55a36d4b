"""Train a second model (M2) on shards written by `eqinfo tokenize`.

    eqinfo tokenize TEXT... -o shards
    python examples/train_m2.py shards -o m2.pt --size cpu --steps 2000
    python examples/sample_m2.py m2.pt shards
    python examples/train_m2.py shards -o m2.pt --preset gpu --size 113m
    torchrun --nproc-per-node 8 examples/train_m2.py shards -o m2.pt --size 403m --device cuda

Needs ``pip install eqinfo[train]``. Shards may have ids of a codebook or tokens of any other method
(``eqinfo tokenize --method``). The same command resumes from the checkpoint, here m2.pt, which is
written every two minutes. The last tokens are held out. Every point prints their bits per byte, and
the share of them guessed right by position in the window. With ``--raw-share 0.1``, M2 reads a
tenth of the text as bytes, and every point also prints its bits per byte of raw bytes (Proxy
Compression, arXiv 2602.04289); ``--pairs`` adds pairs of a text in both forms. With ``--embedding
text``, M2 knows the text of its tokens (docs/embedding.md). ``--preset gpu`` is for one GPU
(docs/how-to/gpu.md); options override it.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

try:
    import torch
    from torch import distributed
except ImportError as error:
    raise SystemExit(f"train_m2: {error}; pip install eqinfo[train]") from None

from eqinfo.errors import EqInfoError
from eqinfo.experiment import MethodShards, open_shards
from eqinfo.experiment.analyses.ratios import bits_per_byte, flops_per_byte
from eqinfo.experiment.m2.costs import UTILISATION, TrainingCost
from eqinfo.experiment.m2.network import Transformer
from eqinfo.experiment.m2.proxy import FIRST_BYTE, ProxySequences
from eqinfo.experiment.m2.sequences import StreamSequences, TokenSequences
from eqinfo.experiment.m2.shard_tokens import ShardTokens
from eqinfo.experiment.m2.sizes import SIZES
from eqinfo.experiment.m2.training import CHECKPOINT_SECONDS, M2Settings, losses, train
from eqinfo.shards import TokenShards

PRESETS = {
    "gpu": {"size": "25m", "device": "cuda", "micro_batch": 64, "compile": "inductor"},
}
"""Defaults of other options."""
LEAST = {"context": 1, "batch": 1, "micro_batch": 0, "steps": 0, "held_out": 1, "points": 1}
"""Lowest values of options."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("shards", type=Path, help="a folder written by eqinfo tokenize, format bin")
    parser.add_argument("-o", "--output", type=Path, required=True, help="checkpoint file")
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        help="gpu: --size 25m --device cuda --micro-batch 64 --compile inductor",
    )
    parser.add_argument("--size", choices=SIZES, default="cpu", help="of M2 (default: cpu)")
    parser.add_argument(
        "--context", type=int, default=512, help="tokens per sequence (default: %(default)s)"
    )
    parser.add_argument(
        "--batch",
        type=int,
        default=256,
        help="sequences per step, over all processes (default: %(default)s)",
    )
    parser.add_argument(
        "--micro-batch", type=int, default=0, help="sequences in memory at a time; default: --batch"
    )
    parser.add_argument("--steps", type=int, default=0, help="default: one pass over the tokens")
    parser.add_argument(
        "--rate", type=float, help="peak learning rate; default: 0.001, 0.01 for the paper's sizes"
    )
    parser.add_argument(
        "--held-out", type=int, default=100_000, help="tokens to hold out (default: %(default)s)"
    )
    parser.add_argument(
        "--raw-share",
        type=float,
        default=0,
        help="share of the text to read as bytes (default: %(default)s)",
    )
    parser.add_argument(
        "--pairs", action="store_true", help="with --raw-share: have text in both forms, too"
    )
    parser.add_argument(
        "--embedding",
        choices=("plain", "text"),
        default="plain",
        help="of M2's tokens (default: %(default)s)",
    )
    parser.add_argument("--model", type=Path, help="M1 or codebook, if it is not a bundled one")
    parser.add_argument(
        "--points", type=int, default=20, help="number of measurements (default: %(default)s)"
    )
    parser.add_argument(
        "--checkpoint-seconds",
        type=float,
        default=CHECKPOINT_SECONDS,
        help="write the checkpoint as often, and at every point (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of weights and batches (default: %(default)s)"
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    parser.add_argument(
        "--compile",
        choices=("none", "inductor", "eager"),
        default="none",
        help="backend of torch.compile; eager compiles nothing, to see that it works "
        "(default: %(default)s)",
    )
    preset = parser.parse_args().preset
    parser.set_defaults(**PRESETS.get(preset, {}))
    options = parser.parse_args()
    for name, least in LEAST.items():
        if getattr(options, name) < least:
            option = f"--{name.replace('_', '-')}"
            parser.error(f"expected {option} of {least} or more, found {getattr(options, name)}")
    return options


def split(
    data: TokenShards, held_out: int, context: int
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return what to train on, the last ``held_out`` tokens, and their places in documents."""
    *streams, last = (shard.tokens for shard in data.shards)
    if not context <= held_out < len(last):
        raise ValueError(
            f"expected --held-out of {context:,} (--context) or more tokens, and below the "
            f"{len(last):,} of the last shard, found {held_out:,}"
        )
    cut = len(last) - held_out - 1
    longest = max(cut, *map(len, streams), 0)
    if longest <= context:
        raise ValueError(
            f"expected a shard with more than {context:,} (--context) tokens besides those of "
            f"--held-out, found at most {longest:,}; hold out fewer, or give more text"
        )
    offsets = data.shards[-1].offsets
    places = np.arange(len(last)) - np.repeat(offsets[:-1], np.diff(offsets))
    return [*streams, last[:cut]], last[cut:], places[cut:]


def held_bytes(data: TokenShards, tokens: ShardTokens, held: np.ndarray) -> float:
    """Return the bytes of held-out tokens: of a method, at the mean of their shard."""
    if not isinstance(data, MethodShards):
        return len(tokens.decode(held))
    shard = [shard for shard in data.manifest["shards"] if shard["documents"]][-1]
    return float(len(held) * shard["bytes"] / shard["tokens"])


def main() -> None:
    """Train, and print results at every point."""
    options = arguments()
    rate = 1e-2 if SIZES[options.size].paper else 1e-3
    settings = M2Settings(
        options.size,
        options.batch,
        options.steps,
        rate if options.rate is None else options.rate,
        options.seed,
        tuple((point + 1) / options.points for point in range(options.points)),
    )
    data = open_shards(options.shards, options.model)
    if not data.shards:
        raise ValueError(f"{options.shards}: expected documents to train on, found none")
    tokens = ShardTokens(data)
    if isinstance(data, MethodShards) and (options.raw_share or options.embedding == "text"):
        raise ValueError(
            f"{options.shards}: expected ids of a codebook for --raw-share and --embedding text, "
            f"found tokens of {tokens.origin['name']}; make shards without --method"
        )
    device = options.device
    distributed_run = "TORCHELASTIC_RUN_ID" in os.environ  # set by torchrun
    if distributed_run:
        distributed.init_process_group()
        if device == "cuda":
            device = f"cuda:{os.environ['LOCAL_RANK']}"
            torch.cuda.set_device(device)
    if options.pairs and not options.raw_share:
        raise ValueError("expected --raw-share with --pairs, found none; try --raw-share 0.5")
    context, vocab_size = options.context, tokens.vocab_size
    streams, held, places = split(data, options.held_out, context)

    def mixed(streams: list[np.ndarray], raw_share: float, pairs: bool = False) -> ProxySequences:
        seed, size = options.seed, tokens.vocab_size
        return ProxySequences(streams, tokens.decode, context, size, raw_share, seed, pairs=pairs)

    sequences: TokenSequences = StreamSequences(streams, context)
    measured: TokenSequences = StreamSequences([held], context)
    if options.raw_share:
        proxy = mixed(streams, options.raw_share, options.pairs)
        raw, measured = mixed([held], 1), mixed([held], 0)
        sequences, vocab_size = proxy, proxy.vocab_size
    strings = tokens.strings if options.embedding == "text" else None
    if strings is not None and options.raw_share:
        strings = [b""] * FIRST_BYTE + [bytes([byte]) for byte in range(256)] + strings
    predicted = slice(1, 1 + len(measured) * context)
    held, positions = held[predicted], places[predicted] % tokens.window_tokens
    size = held_bytes(data, tokens, held)
    parameters = SIZES[options.size].parameters

    measured_steps = []

    def measure(model: Transformer, step: int) -> None:
        measured_steps.append(step)
        nats, right = losses(model, measured, device)
        accuracy = [right[positions == position].mean() for position in range(tokens.window_tokens)]
        print(
            f"step {step}: {bits_per_byte(nats.sum(), size):.4f} bits per byte "
            f"({len(held) * math.log2(tokens.vocab_size) / size:.4f} if all ids were equally "
            f"probable), {flops_per_byte(parameters, size / len(held)):.3g} FLOPs per byte, "
            f"guessed right by position: {', '.join(f'{share:.1%}' for share in accuracy)}"
        )
        if options.raw_share:
            nats, _ = losses(model, raw, device)
            bits = bits_per_byte(nats.sum(), len(nats))
            print(f"step {step}: {bits:.4f} bits per byte of raw bytes")

    steps = options.steps or len(sequences) // options.batch
    cost = TrainingCost(options.size, vocab_size, context, steps * options.batch * context)
    if options.preset == "gpu":
        print(
            f"{steps:,} steps, {cost.tokens:,} tokens, {cost.flops:.3g} operations: "
            f"{cost.minutes():.3g} minutes at {UTILISATION:.0%} of an H100"
        )

    silent = distributed_run and distributed.get_rank() != 0
    with tqdm(unit="step", disable=silent or None) as bar:
        train(
            sequences,
            vocab_size,
            settings,
            strings=strings,
            tokens=tokens.origin,
            device=device,
            micro_batch=options.micro_batch,
            compile_backend=None if options.compile == "none" else options.compile,
            checkpoint=options.output,
            checkpoint_seconds=options.checkpoint_seconds,
            measure=measure,
            progress=lambda done, total: (bar.reset(total), bar.update(done)),
        )
    if not measured_steps and not silent:
        print(f"train_m2: {options.output}: all {steps:,} steps are done", file=sys.stderr)
    if distributed_run:
        distributed.destroy_process_group()


if __name__ == "__main__":
    try:
        main()
    except (EqInfoError, OSError, ValueError) as error:
        raise SystemExit(f"train_m2: {error}") from None
