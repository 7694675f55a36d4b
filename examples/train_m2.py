"""Train a second model (M2) on the shards of `eqinfo tokenize`.

    eqinfo tokenize TEXT... -o shards
    python examples/train_m2.py shards -o m2.pt --size cpu --steps 2000
    torchrun --nproc-per-node 8 examples/train_m2.py shards -o m2.pt --size 403m --device cuda

Needs ``pip install eqinfo[train]``. A second call goes on at the checkpoint, M2.PT. The last tokens
are held out: their bits a byte, and the share of them guessed right by place in the window, are
printed at every point. With ``--raw-share 0.1`` M2 reads a tenth of the text as bytes, and what it
learnt of bytes is printed as well (Proxy Compression, arXiv 2602.04289).
"""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path

import numpy as np
import torch
from torch import distributed
from tqdm import tqdm

from eqinfo import shards
from eqinfo.errors import EqInfoError
from eqinfo.experiment.analyses.ratios import bits_per_byte, flops_per_byte
from eqinfo.experiment.m2.network import Transformer
from eqinfo.experiment.m2.proxy import ProxyRows
from eqinfo.experiment.m2.sequences import RowSource, StreamRows
from eqinfo.experiment.m2.sizes import SIZES
from eqinfo.experiment.m2.training import Settings, losses, train


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("shards", type=Path, help="a folder of eqinfo tokenize, format bin")
    parser.add_argument("-o", "--output", type=Path, required=True, help="checkpoint")
    parser.add_argument("--size", choices=SIZES, default="cpu")
    parser.add_argument("--context", type=int, default=512, help="tokens of a row")
    parser.add_argument("--batch", type=int, default=256, help="rows of a step, in all processes")
    parser.add_argument("--steps", type=int, default=0, help="default: one pass")
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate at its height")
    parser.add_argument("--held-out", type=int, default=100_000, help="tokens")
    parser.add_argument("--raw-share", type=float, default=0, help="of the text, as bytes")
    parser.add_argument("--window-tokens", type=int, default=1, help="tokens of a window")
    parser.add_argument("--points", type=int, default=20, help="checkpoints in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    return parser.parse_args()


def split(data: shards.TokenShards, held_out: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the streams to train on, and the last ``held_out`` tokens."""
    *streams, last = (shard.tokens for shard in data.shards)
    cut = max(0, len(last) - held_out - 1)
    return [*streams, last[:cut]], last[cut:]


def main() -> None:
    """Train and print."""
    options = arguments()
    data = shards.open(options.shards)
    device = options.device
    alone = "TORCHELASTIC_RUN_ID" not in os.environ
    if not alone:
        distributed.init_process_group()
        if device == "cuda":
            device = f"cuda:{os.environ['LOCAL_RANK']}"
            torch.cuda.set_device(device)
    codebook, context = data.codebook, options.context
    streams, held = split(data, options.held_out)

    def to_bytes(tokens: np.ndarray) -> bytes:
        return codebook.decode_bytes(tokens.astype(codebook.dtype))

    def mixed(streams: list[np.ndarray], raw_share: float) -> ProxyRows:
        return ProxyRows(streams, to_bytes, context, len(codebook), raw_share, options.seed)

    rows: RowSource = StreamRows(streams, context)
    measured: RowSource = StreamRows([held], context)
    vocab_size = len(codebook)
    if options.raw_share:
        proxy, raw, measured = mixed(streams, options.raw_share), mixed([held], 1), mixed([held], 0)
        rows, vocab_size = proxy, proxy.vocab_size
    held = held[1 : 1 + len(measured) * context]  # what is predicted
    size = len(to_bytes(held))
    places = np.arange(len(held)) % options.window_tokens
    parameters = SIZES[options.size].parameters
    settings = Settings(
        options.size,
        options.batch,
        options.steps,
        options.rate,
        options.seed,
        tuple((point + 1) / options.points for point in range(options.points)),
    )

    def point(model: Transformer, step: int) -> None:
        nats, right = losses(model, measured, device)
        accuracy = [right[places == place].mean() for place in range(options.window_tokens)]
        print(
            f"step {step}: {bits_per_byte(nats.sum(), size):.4f} bits a byte, "
            f"{len(held) * math.log2(len(codebook)) / size:.4f} if all ids were equally "
            f"probable, {flops_per_byte(parameters, size / len(held)):.3g} FLOPs a byte, "
            f"right by place: {', '.join(f'{share:.1%}' for share in accuracy)}"
        )
        if options.raw_share:
            nats, _ = losses(model, raw, device)
            print(f"step {step}: {bits_per_byte(nats.sum(), len(nats)):.4f} bits a byte of bytes")

    with tqdm(unit="step", disable=None if alone or distributed.get_rank() == 0 else True) as bar:
        train(
            rows,
            vocab_size,
            settings,
            device=device,
            checkpoint=options.output,
            point=point,
            progress=lambda done, total: (bar.reset(total), bar.update(done)),
        )
    if not alone:
        distributed.destroy_process_group()


if __name__ == "__main__":
    try:
        main()
    except (EqInfoError, OSError, ValueError) as error:
        raise SystemExit(f"train_m2: {error}") from None
