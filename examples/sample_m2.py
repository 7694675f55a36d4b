"""Sample documents from a model (M2) that `examples/train_m2.py` has trained.

    eqinfo tokenize TEXT... -o shards --method windows --window-bits 16
    python examples/train_m2.py shards -o m2.pt --size cpu --steps 2000
    python examples/sample_m2.py m2.pt shards --temperature 0.8 --top-p 0.95
    python examples/sample_m2.py --serving TEXT

Needs ``pip install eqinfo[train]``. Text is printed as it becomes certain, in whole characters, up
to the end of the document. Standard error says how many steps of M2 a byte took, and how long a kB.
With ``--serving``, nothing is sampled: an M2 without training reads the text token by token, as
bytes, BPE, windows of 16 bits and strings that span words, and a table says what each costs.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

try:
    import torch
except ImportError as error:
    raise SystemExit(f"sample_m2: {error}; pip install eqinfo[train]") from None

from eqinfo.errors import EqInfoError, FormatError
from eqinfo.experiment import open_shards
from eqinfo.experiment.m2.checkpoints import check_tokens, load_m2
from eqinfo.experiment.m2.sampling import SampleSettings, TextStream, sample
from eqinfo.experiment.m2.serving import serving_costs
from eqinfo.experiment.m2.shard_tokens import ShardTokens
from eqinfo.experiment.m2.sizes import SIZES


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("checkpoint", type=Path, nargs="?", help="written by train_m2.py")
    parser.add_argument("shards", type=Path, nargs="?", help="that M2 was trained on")
    parser.add_argument("--model", type=Path, help="M1 or codebook, if it is not a bundled one")
    parser.add_argument("--prompt", default="", help="the document's beginning")
    parser.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        help="divides the logits; 0: always the most probable token (default: %(default)s)",
    )
    parser.add_argument(
        "--top-p",
        type=float,
        default=1.0,
        help="sample among the most probable tokens of this share (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument(
        "--max-tokens", type=int, default=1000, help="stop after so many (default: %(default)s)"
    )
    parser.add_argument("--serving", type=Path, metavar="TEXT", help="compare costs instead")
    parser.add_argument(
        "--size", choices=SIZES, default="toy", help="of M2, with --serving (default: toy)"
    )
    options = parser.parse_args()
    if (options.shards is None) == (options.serving is None):
        parser.error("expected a checkpoint and shards, or --serving TEXT")
    if options.max_tokens < 1:
        parser.error(f"expected --max-tokens of 1 or more, found {options.max_tokens}")
    return options


def write_sample(options: argparse.Namespace) -> None:
    """Print a document."""
    tokens = ShardTokens(open_shards(options.shards, options.model))
    model, trained = load_m2(options.checkpoint, strings=tokens.strings)
    check_tokens(options.checkpoint, trained, tokens.origin)
    if tokens.end is None:
        raise ValueError(
            f"{options.shards}: expected documents with ends, so that samples end, found none; "
            "tokenize without --no-end, and train again"
        )
    ids = model.embedding.num_embeddings
    if ids != tokens.vocab_size:
        raise ValueError(
            f"{options.checkpoint}: expected an M2 of {tokens.vocab_size:,} ids, found one of "
            f"{ids:,}; train it without --raw-share"
        )
    prompt = tokens.encode(options.prompt).tolist()
    if prompt and (not tokens.group or len(prompt) % tokens.group):
        raise ValueError(
            f"expected tokens that decode one by one for --prompt, found {tokens.origin['name']}; "
            "leave the prompt out"
        )
    settings = SampleSettings(options.temperature, options.top_p, options.seed)
    stream, steps, begin = TextStream(tokens.decode, tokens.group), 0, time.perf_counter()
    ended = False
    for token in sample(model, [tokens.end, *prompt], settings, allowed=tokens.vocab_size):
        steps += 1
        ended = token == tokens.end
        if ended:
            break
        print(stream.push(token), end="", flush=True)
        if steps == options.max_tokens:
            break
    try:
        print(stream.finish(1 if ended else tokens.window_tokens))
    except FormatError as error:
        advice = "train M2 longer"
        if not (ended or tokens.group):
            advice = f"raise --max-tokens until the document ends, or {advice}"
        raise ValueError(
            f"expected tokens of {tokens.origin['name']} that decode, found {error}; {advice}"
        ) from None
    seconds, size = time.perf_counter() - begin, max(1, stream.text_bytes)
    print(
        f"sample_m2: {stream.text_bytes:,} bytes in {steps:,} steps, {steps / size:.3f} steps per "
        f"byte, {1000 * seconds / size:.3f} s per kB; {stream.left_out} bytes that are not UTF-8 "
        "were left out",
        file=sys.stderr,
    )


def main() -> None:
    """Sample, or compare."""
    options = arguments()
    torch.set_num_threads(1)
    if options.serving is None:
        write_sample(options)
        return
    try:
        text = options.serving.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{options.serving}: expected UTF-8 text, found {error}") from None
    for cost in serving_costs(text, SIZES[options.size]):
        print(
            f"{cost.method}: {cost.steps_per_byte:.3f} steps per byte, "
            f"{cost.seconds_per_kb:.3f} s per kB, of which {cost.decoding_share:.0%} to decode"
        )


if __name__ == "__main__":
    try:
        main()
    except (EqInfoError, OSError, ValueError) as error:
        raise SystemExit(f"sample_m2: {error}") from None
