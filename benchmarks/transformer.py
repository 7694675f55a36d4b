"""The transformer: speed over time and on lanes, beside the same products in PyTorch.

Without a model file, the weights are random and the sizes those of SmolLM2-135M.

python benchmarks/transformer.py [--model FILE] [--layers 30] [--symbols 128]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common import Report, add_json_option, input_file, peer, positive, time_in_turns
from eqinfo.models import FRESH
from eqinfo.models.transformer import FloatTransformer, TransformerModel, quantise
from eqinfo.models.transformer.file import piece_tensors

ALPHABET, WIDTH, UNITS, HEADS, KEY_HEADS, HEAD_WIDTH = 49_152, 576, 1536, 9, 3, 64
LANES = (1, 16, 64)
SHAPES = {
    "query": (HEADS * HEAD_WIDTH, WIDTH),
    "key": (KEY_HEADS * HEAD_WIDTH, WIDTH),
    "value": (KEY_HEADS * HEAD_WIDTH, WIDTH),
    "attention": (WIDTH, HEADS * HEAD_WIDTH),
    "gate": (UNITS, WIDTH),
    "up": (UNITS, WIDTH),
    "down": (WIDTH, UNITS),
}


def random_model(layers: int, input_bits: int) -> TransformerModel:
    """Return a model with the sizes of SmolLM2-135M."""
    rng = np.random.default_rng(0)

    def tensor(name: str) -> NDArray[np.float32] | None:
        part = name.rpartition(".")[2]
        if part in ("head", "bias"):
            return None
        if part.endswith("norm"):
            return np.ones(WIDTH, np.float32)
        shape = (ALPHABET, WIDTH) if name == "embedding" else SHAPES[part]
        return rng.standard_normal(shape, np.float32) / np.float32(shape[1] ** 0.5)

    angles = np.arange(2048)[:, None] * 100_000.0 ** (-np.arange(32) / 32)
    network = FloatTransformer(tensor, layers, HEADS, KEY_HEADS, angles, 1e-5, 0)
    return TransformerModel(quantise(network, input_bits) | piece_tensors([None] * ALPHABET, ""))


def on_lanes(model: TransformerModel, lanes: int, steps: int) -> Callable[[], None]:
    """Return a call of ``steps`` steps of ``lanes`` lanes."""
    symbols = np.random.default_rng(1).integers(0, model.vocab_size, (steps, lanes))

    def call() -> None:
        state, at = model.start(lanes), np.arange(lanes)
        model.step(state, np.full(lanes, FRESH, np.int32), at)
        for each in symbols[1:].astype(np.int32):
            model.step(state, each, at)

    return call


def torch_products(model: TransformerModel, rows: int) -> Callable[[], Any] | None:
    """Return a call of all the model's matrices for ``rows`` rows in float32, one thread."""
    torch = peer("torch")
    if torch is None:
        return None
    torch.set_num_threads(1)
    weights = [
        torch.from_numpy(array.astype(np.float32))
        for name, array in model.tensors.items()
        if name.endswith(".weight")
    ]
    inputs = {weight.shape[1]: torch.ones(rows, weight.shape[1]) for weight in weights}

    def call() -> None:
        with torch.inference_mode():
            for weight in weights:
                inputs[weight.shape[1]] @ weight.T

    return call


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", type=input_file, help="a file of a transformer")
    parser.add_argument("--layers", type=positive, help="of random weights (default: 30)")
    parser.add_argument(
        "--input-bits", type=positive, choices=(8, 15), help="of random weights (default: 8)"
    )
    parser.add_argument("--symbols", type=positive, default=128)
    parser.add_argument("--repeats", type=positive, default=3)
    add_json_option(parser)
    options = parser.parse_args()
    if options.model and (options.layers or options.input_bits):
        parser.error("expected --layers and --input-bits only without --model")
    if options.model:
        model = TransformerModel.load(options.model)
    else:
        model = random_model(options.layers or 30, options.input_bits or 8)
    products = sum(a.size for name, a in model.tensors.items() if name.endswith(".weight"))
    symbols = np.random.default_rng(2).integers(0, model.vocab_size, options.symbols)
    counts = {"over time": len(symbols) + 1, **{f"{n} lanes": n for n in LANES}}
    calls: dict[str, Callable[[], Any]] = {"over time": lambda: model.logits(symbols)}
    steps = {n: max(2, options.symbols // n) for n in LANES}
    calls |= {f"{n} lanes": on_lanes(model, n, steps[n]) for n in LANES}
    peers = {name: torch_products(model, count) for name, count in counts.items()}
    calls |= {f"PyTorch, {name}": call for name, call in peers.items() if call is not None}
    timings = time_in_turns(calls, options.repeats)
    rows = []
    for name, count in counts.items():
        calls_made = 1 if name == "over time" else steps[count]
        ours = timings[name].best / calls_made / count
        theirs = timings.get(f"PyTorch, {name}")
        ratio = theirs.best / count / ours if theirs else float("nan")
        rows.append([name, 1e3 * ours, products / ours / 1e9, ratio])
    report = Report(options.json)
    report.table(
        f"{products / 1e6:.1f} million weights, one core",
        ["", "ms per symbol", "10^9 products/s", "PyTorch's time for the products / ours"],
        rows,
    )
    report.save()


if __name__ == "__main__":
    main()
