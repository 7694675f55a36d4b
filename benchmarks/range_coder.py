"""Range coder compared with constriction and torchac, all from the same float32 logits.

A: a different distribution for every symbol. B: one fixed distribution. C: one symbol at a time, as
an autoregressive model must decode, in one stream and in 256. All on one thread.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common import Cell, Report, add_json_option, noise, peer, positive, time_in_turns
from eqinfo import frequency, range_coder

torch = peer("torch")
if torch is None:
    print("constriction and torchac are left out, too: their softmax is torch's", file=sys.stderr)
constriction: Any = torch and peer("constriction")
torchac: Any = torch and peer("torchac.torchac")

VOCAB_SIZE = 256
LANES = 256
PRECISION = 24
TORCHAC_PRECISION = 16
CHUNK = 1024
"""Rows per softmax, so few that its output is still in the cache when constriction reads it."""
LOGIT_SCALES = {"broad": 2.0, "peak": 4.9}
"""Standard deviations of normal logits that give entropies of 5.45 and 1.99 bits."""

NOTES = """
Ratios are times divided by eqinfo's in the same run (above 1: eqinfo is faster). Times are
processor time, the best of {repeats} repeats in turns. torch.exp alone overflows above 88; it is
the cheapest input that constriction could be given. torchac needs a table for every symbol, so it
is not in B, and cannot stop between symbols, so it is not in C."""

Logits = NDArray[np.float32]
Symbols = NDArray[np.int32]


@dataclass(frozen=True)
class Coder:
    """A contestant: `encode` makes one or more streams, and `decode` restores the symbols."""

    name: str
    encode: Callable[[], Any]
    decode: Callable[[Any], Any]
    stream_bits: Callable[[Any], int]
    integer_bits: float | None = None
    """Information content of the symbols under the integers that the coder uses, if known."""


def draw(count: int, scale: float) -> tuple[Logits, Symbols]:
    """Draw normal logits, and one symbol from the softmax of every row."""
    generator = np.random.default_rng(1)
    logits = generator.standard_normal((count, VOCAB_SIZE), np.float32) * np.float32(scale)
    symbols = np.empty(count, np.int32)
    for part in chunks(count):
        cumulative = np.exp(logits[part], dtype=np.float64).cumsum(axis=1)
        threshold = generator.random((len(cumulative), 1)) * cumulative[:, -1:]
        symbols[part] = (cumulative <= threshold).sum(axis=1)
    return logits, symbols


def chunks(count: int) -> Iterator[slice]:
    """Cut ``count`` rows into chunks."""
    return (slice(begin, min(begin + CHUNK, count)) for begin in range(0, count, CHUNK))


def softmax_bits(logits: Logits, symbols: Symbols) -> float:
    """Return the information content of symbols under the exact softmax."""
    bits = 0.0
    for part in chunks(len(logits)):
        rows = logits[part].astype(np.float64)
        chosen = rows[np.arange(len(rows)), symbols[part]]
        bits += float((np.log2(np.exp(rows).sum(axis=1)) - chosen / np.log(2)).sum())
    return bits


def frequency_bits(frequencies: NDArray[Any], symbols: Symbols, precision: int) -> float:
    """Return the information content of symbols under frequencies that sum to 2^precision."""
    chosen = frequencies[np.arange(len(symbols)), symbols]
    return float((precision - np.log2(chosen)).sum())


def bytes_bits(stream: bytes) -> int:
    """Return the bits of a stream of bytes."""
    return 8 * len(stream)


def words_bits(stream: NDArray[np.uint32]) -> int:
    """Return the bits of a stream of constriction."""
    return 32 * len(stream)


# The cost of the softmax is part of the comparison, so each of these writes to preallocated memory.


def in_chunks(softmax: Callable[[Any, Any], None], logits: Any, out: Any) -> None:
    for part in chunks(len(logits)):
        softmax(logits[part], out[: part.stop - part.start])


def torch_softmax(logits: Any, out: Any) -> None:
    torch.softmax(logits, 1, out=out)


def torch_exp(logits: Any, out: Any) -> None:
    torch.exp(logits, out=out)


def numpy_softmax(logits: Any, out: Any) -> None:
    rows = out.numpy()
    np.subtract(logits.numpy(), logits.numpy().max(axis=1, keepdims=True), out=rows)
    np.exp(rows, out=rows)
    np.divide(rows, rows.sum(axis=1, keepdims=True), out=rows)


def constriction_from_logits(
    name: str, softmax: Callable[[Any, Any], None], logits: Logits, symbols: Symbols
) -> Coder:
    """Return constriction fed by a softmax that works on chunks."""
    queue, family = constriction.stream.queue, constriction.stream.model.Categorical(perfect=False)
    rows = torch.from_numpy(logits)
    probabilities = torch.empty((CHUNK, VOCAB_SIZE))

    def predictions() -> Iterator[tuple[slice, Logits]]:
        for part in chunks(len(logits)):
            out = probabilities[: part.stop - part.start]
            softmax(rows[part], out)
            yield part, out.numpy()

    def encode() -> Any:
        encoder = queue.RangeEncoder()
        for part, rows in predictions():
            encoder.encode(symbols[part], family, rows)
        return encoder.get_compressed()

    def decode(stream: Any) -> Symbols:
        decoder = queue.RangeDecoder(stream)
        return np.concatenate([decoder.decode(family, rows) for _, rows in predictions()])

    return Coder(name, encode, decode, words_bits)


def torchac_table(logits: Logits) -> Any:
    """Return the int16 tables that `torchac.encode_float_cdf` makes, in chunks, which is faster."""
    rows = torch.from_numpy(logits)
    table = torch.zeros((len(logits), VOCAB_SIZE + 1), dtype=torch.int16)
    probabilities = torch.empty((CHUNK, VOCAB_SIZE))
    room = 2**TORCHAC_PRECISION - VOCAB_SIZE
    ramp = torch.arange(1, VOCAB_SIZE + 1, dtype=torch.int32)
    for part in chunks(len(logits)):
        out = probabilities[: part.stop - part.start]
        torch.softmax(rows[part], 1, out=out)
        torch.cumsum(out, 1, out=out)
        table[part, 1:] = out.clamp_(max=1).mul_(room).round_().to(torch.int32).add_(ramp)
    return table


def torchac_bits(table: Any, symbols: Symbols) -> float:
    """Return the information content under torchac's tables, whose last entry means 2^16."""
    starts = table.numpy().view(np.uint16).astype(np.int64)
    starts[:, -1] = 2**TORCHAC_PRECISION
    return frequency_bits(np.diff(starts, axis=1), symbols, TORCHAC_PRECISION)


def from_logits(logits: Logits, symbols: Symbols) -> list[Coder]:
    """Workload A, all from logits."""
    integer_bits = frequency_bits(frequency.frequencies(logits, PRECISION), symbols, PRECISION)
    coders = [
        Coder(
            "eqinfo",
            lambda: range_coder.encode(logits, symbols, PRECISION),
            lambda stream: range_coder.decode(stream, logits, PRECISION),
            bytes_bits,
            integer_bits,
        )
    ]
    if constriction:
        softmaxes = {
            "constriction, torch.softmax": torch_softmax,
            "constriction, NumPy softmax": numpy_softmax,
            "constriction, torch.exp alone": torch_exp,
        }
        coders += [constriction_from_logits(*item, logits, symbols) for item in softmaxes.items()]
    if torchac:
        chosen = torch.from_numpy(symbols.astype(np.int16))
        coders.append(
            Coder(
                "torchac, torch.softmax and cumsum",
                lambda: torchac.encode_int16_normalized_cdf(torchac_table(logits), chosen),
                lambda stream: torchac.decode_int16_normalized_cdf(torchac_table(logits), stream),
                bytes_bits,
                torchac_bits(torchac_table(logits), symbols),
            )
        )
    return coders


def from_tables(logits: Logits, symbols: Symbols) -> list[Coder]:
    """Workload A, with predictions prepared in the form that each package takes."""
    frequencies = frequency.frequencies(logits, PRECISION)
    coders = [
        Coder(
            "eqinfo, from frequencies",
            lambda: range_coder.encode(frequencies, symbols, PRECISION),
            lambda stream: range_coder.decode(stream, frequencies, PRECISION),
            bytes_bits,
        )
    ]
    if constriction:
        queue = constriction.stream.queue
        family = constriction.stream.model.Categorical(perfect=False)
        probabilities = torch.softmax(torch.from_numpy(logits), 1).numpy()

        def encode() -> Any:
            encoder = queue.RangeEncoder()
            encoder.encode(symbols, family, probabilities)
            return encoder.get_compressed()

        coders.append(
            Coder(
                "constriction, from probabilities",
                encode,
                lambda stream: queue.RangeDecoder(stream).decode(family, probabilities),
                words_bits,
            )
        )
    if torchac:
        table, chosen = torchac_table(logits), torch.from_numpy(symbols.astype(np.int16))
        coders.append(
            Coder(
                "torchac, from int16 tables",
                lambda: torchac.encode_int16_normalized_cdf(table, chosen),
                lambda stream: torchac.decode_int16_normalized_cdf(table, stream),
                bytes_bits,
            )
        )
    return coders


def static(logits: Logits, symbols: Symbols) -> list[Coder]:
    """Workload B: the first row of logits predicts every symbol."""
    frequencies = frequency.frequencies(logits[:1], PRECISION)[0]
    repeated = np.broadcast_to(frequencies, (len(symbols), VOCAB_SIZE))
    coders = [
        Coder(
            "eqinfo",
            lambda: range_coder.encode_static(frequencies, symbols, PRECISION),
            lambda stream: range_coder.decode_static(stream, frequencies, len(symbols), PRECISION),
            bytes_bits,
            frequency_bits(repeated, symbols, PRECISION),
        )
    ]
    if constriction:
        queue = constriction.stream.queue
        probabilities = torch.softmax(torch.from_numpy(logits[0]), 0).numpy()
        model = constriction.stream.model.Categorical(probabilities, perfect=False)

        def encode() -> Any:
            encoder = queue.RangeEncoder()
            encoder.encode(symbols, model)
            return encoder.get_compressed()

        coders.append(
            Coder(
                "constriction",
                encode,
                lambda stream: queue.RangeDecoder(stream).decode(model, len(symbols)),
                words_bits,
            )
        )
    return coders


def eqinfo_steps(logits: Logits, symbols: Symbols) -> Coder:
    """One native call per step for all lanes; logits of shape (steps, lanes, VOCAB_SIZE)."""
    lanes = logits.shape[1]

    def encode() -> list[bytes]:
        encoder = range_coder.RangeEncoder(lanes, PRECISION)
        for rows, chosen in zip(logits, symbols, strict=True):
            encoder.step(rows, chosen)
        return [encoder.finish(lane)[0] for lane in range(lanes)]

    def decode(streams: list[bytes]) -> Symbols:
        decoder = range_coder.RangeDecoder(lanes, PRECISION)
        for lane, stream in enumerate(streams):
            decoder.start(stream, lane)
        return np.stack([decoder.step(rows) for rows in logits])

    return Coder("eqinfo", encode, decode, lambda streams: 8 * sum(map(len, streams)))


def constriction_steps(logits: Logits, symbols: Symbols) -> Coder:
    """One softmax per step for all lanes, then one coder after the other."""
    lanes = logits.shape[1]
    queue, categorical = constriction.stream.queue, constriction.stream.model.Categorical
    probabilities = torch.empty((lanes, VOCAB_SIZE))
    predictions = probabilities.numpy()
    rows = torch.from_numpy(logits)

    def encode() -> list[Any]:
        encoders = [queue.RangeEncoder() for _ in range(lanes)]
        for step, chosen in zip(rows, symbols.tolist(), strict=True):
            torch.softmax(step, 1, out=probabilities)
            for encoder, symbol, row in zip(encoders, chosen, predictions, strict=True):
                encoder.encode(symbol, categorical(row, lazy=True, perfect=False))
        return [encoder.get_compressed() for encoder in encoders]

    def decode(streams: list[Any]) -> list[list[int]]:
        decoders = [queue.RangeDecoder(stream) for stream in streams]
        decoded = []
        for step in rows:
            torch.softmax(step, 1, out=probabilities)
            decoded.append(
                [
                    decoder.decode(categorical(row, lazy=True, perfect=False))
                    for decoder, row in zip(decoders, predictions, strict=True)
                ]
            )
        return decoded

    return Coder(
        "constriction, torch.softmax", encode, decode, lambda streams: sum(map(words_bits, streams))
    )


def steps(logits: Logits, symbols: Symbols, lanes: int) -> list[Coder]:
    """Workload C: as many symbols as whole steps of ``lanes`` need."""
    used = len(symbols) // lanes * lanes
    rows = logits[:used].reshape(-1, lanes, VOCAB_SIZE)
    chosen = symbols[:used].reshape(-1, lanes)
    coders = [eqinfo_steps(rows, chosen)]
    if constriction:
        coders.append(constriction_steps(rows, chosen))
    return coders


def compare(
    report: Report,
    title: str,
    coders: Sequence[Coder],
    symbols: NDArray[Any],
    repeats: int,
    exact_bits: float,
) -> None:
    """Check every coder's round trip, then time all of them in turns."""
    streams = {coder.name: coder.encode() for coder in coders}
    contestants: dict[str, Callable[[], object]] = {}
    for coder in coders:
        stream = streams[coder.name]
        decoded = np.asarray(coder.decode(stream)).reshape(-1)
        if not np.array_equal(decoded, symbols):
            raise RuntimeError(f"{coder.name} does not decode what it encoded")
        contestants[f"encode {coder.name}"] = coder.encode
        contestants[f"decode {coder.name}"] = partial(coder.decode, stream)
    timings = time_in_turns(contestants, repeats)
    nanoseconds = {name: timing.best * 1e9 / len(symbols) for name, timing in timings.items()}
    own = coders[0].name
    rows: list[list[Cell]] = []
    for coder in coders:
        encode, decode = nanoseconds[f"encode {coder.name}"], nanoseconds[f"decode {coder.name}"]
        bits = coder.stream_bits(streams[coder.name])
        integers = coder.integer_bits
        rows.append(
            [
                coder.name,
                encode,
                f"{encode / nanoseconds[f'encode {own}']:.2f}",
                decode,
                f"{decode / nanoseconds[f'decode {own}']:.2f}",
                f"{100 * (bits / exact_bits - 1):.4f}",
                "" if integers is None else f"{100 * (bits / integers - 1):.4f}",
            ]
        )
    header = [
        "",
        "encode, ns per symbol",
        "encode, ratio",
        "decode, ns per symbol",
        "decode, ratio",
        "% over the softmax",
        "% over its integers",
    ]
    report.table(f"{title}; {noise(timings)}", header, rows)


def frequencies_in_chunks(logits: Logits) -> None:
    for part in chunks(len(logits)):
        frequency.frequencies(logits[part], PRECISION)


def compare_preparation(report: Report, name: str, logits: Logits, repeats: int) -> None:
    """Time what comes before the coder, alone."""
    contestants: dict[str, Callable[[], object]] = {
        "eqinfo: frequencies, 24 bits": partial(frequencies_in_chunks, logits)
    }
    if torch:
        rows, out = torch.from_numpy(logits), torch.empty((CHUNK, VOCAB_SIZE))
        for label, softmax in {
            "torch.softmax": torch_softmax,
            "NumPy softmax": numpy_softmax,
            "torch.exp alone": torch_exp,
        }.items():
            contestants[label] = partial(in_chunks, softmax, rows, out)
    if torchac:
        contestants["torchac: int16 tables"] = lambda: torchac_table(logits)
    timings = time_in_turns(contestants, repeats)
    first = next(iter(timings.values())).best
    table: list[list[Cell]] = [
        [label, timing.best * 1e9 / len(logits), f"{timing.best / first:.2f}"]
        for label, timing in timings.items()
    ]
    title = f"Before the coder, {name}, {CHUNK} rows at a time; {noise(timings)}"
    report.table(title, ["", "ns per symbol", "ratio"], table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=positive, default=200_000)
    parser.add_argument("--repeats", type=positive, default=7)
    add_json_option(parser)
    arguments = parser.parse_args()
    if torch:
        torch.set_num_threads(1)
    report = Report(arguments.json)
    print(NOTES.format(repeats=arguments.repeats))
    count, repeats = arguments.symbols, arguments.repeats
    if count < LANES:
        parser.error(f"expected --symbols of at least {LANES}, one for each stream, found {count}")
    for name, scale in LOGIT_SCALES.items():
        logits, symbols = draw(count, scale)
        exact = softmax_bits(logits, symbols)
        label = f"{name} ({exact / count:.2f} bits per symbol)"
        compare(report, f"A, {label}", from_logits(logits, symbols), symbols, repeats, exact)
        tables = from_tables(logits, symbols)
        compare(report, f"A from ready tables, {label}", tables, symbols, repeats, exact)
        compare_preparation(report, label, logits, repeats)
        for lanes, used in ((1, count // 20), (LANES, count // LANES * LANES)):
            part_logits, part = logits[:used], symbols[:used]
            title = f"C, {lanes} {'streams' if lanes > 1 else 'stream'}, {label}"
            coders = steps(part_logits, part, lanes)
            compare(report, title, coders, part, repeats, softmax_bits(part_logits, part))
        generator = np.random.default_rng(2)
        weights = np.exp(logits[0], dtype=np.float64)
        chosen = generator.choice(VOCAB_SIZE, 5 * count, p=weights / weights.sum())
        chosen = chosen.astype(np.int32)
        broadcast = np.broadcast_to(logits[:1], (len(chosen), VOCAB_SIZE))
        exact = softmax_bits(broadcast, chosen)
        label = f"{name} ({exact / len(chosen):.2f} bits per symbol)"
        compare(report, f"B, {label}", static(logits, chosen), chosen, repeats, exact)
    report.save()


if __name__ == "__main__":
    main()
