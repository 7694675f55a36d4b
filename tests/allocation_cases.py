"""Calls of every native function, each in a small case, for tests that make allocations fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import eqinfo
import eqinfo._core as _core
from eqinfo import mixer
from eqinfo.codebook import Codebook
from eqinfo.codecs import ArithmeticCodec, WindowCodec
from eqinfo.container import lz77
from eqinfo.models import FunctionModel, StaticModel
from native_cases import random_native_model
from transformer_cases import random_transformer

TEXT = b"All work and no play makes Jack a dull boy. " * 4
SYMBOLS = np.frombuffer(TEXT, np.uint8).astype(np.int32)
TWO = np.arange(2)
LOGITS = np.random.default_rng(1).normal(size=(len(TEXT), 256)).astype(np.float32)
STATIC = np.full(256, 1 << 8, np.uint32)
PRECISION = 16


@dataclass(frozen=True)
class Case:
    """A call of native code.

    Attributes:
        make: makes the object that is called.
        call: the call whose allocations fail.
        result: what the call has done, from the object and the call's value, to be compared.
        retry: whether the same object can be called again after a failure, and then gives the same
            result. If not, the call may have done a part, and the object is only destroyed.
    """

    call: Callable[[Any], Any]
    make: Callable[[], Any] = lambda: None
    result: Callable[[Any, Any], Any] = lambda _, value: value
    retry: bool = True


@cache
def codebook() -> Codebook:
    return Codebook.bundled("en-4k")


@cache
def nodes() -> tuple[NDArray[np.uint32], NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the nodes of a codebook of 9 bits: all bytes, and all pairs of 16 letters."""
    depth, symbol = [0], [0]
    for byte in range(256):
        # One pair less, because the empty string has an id, too.
        pairs = range(97, 112 if byte == 112 else 113) if 97 <= byte < 113 else ()
        depth += [1] + [2] * len(pairs)
        symbol += [byte, *pairs]
    return np.array(depth, np.uint32), np.array(symbol, np.uint8), np.ones(len(depth), np.bool_)


def new_codebook() -> _core.Codebook:
    depth, symbol, end = nodes()
    return _core.Codebook(depth, symbol, end)


@cache
def ids() -> NDArray[Any]:
    return codebook().encode(TEXT)


def native() -> _core.Codebook:
    core: _core.Codebook = codebook()._native
    return core


@cache
def flat() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    return np.frombuffer(TEXT, np.uint8), np.arange(0, len(TEXT) + 1, 44)


def static_model() -> _core.StaticModel:
    return _core.StaticModel(LOGITS[0])


def lanes() -> _core.ModelLanes:
    return _core.ModelLanes(static_model(), 2)


def encoder() -> _core.RangeEncoder:
    return _core.RangeEncoder(2, PRECISION)


def finished(coder: _core.RangeEncoder, _: object) -> list[tuple[bytes, int]]:
    return [coder.finish(0), coder.finish(1)]


def written() -> _core.RangeEncoder:
    coder = encoder()
    coder.extend(LOGITS, SYMBOLS, 0)
    return coder


def decoder(stream: bytes) -> _core.RangeDecoder:
    coder = _core.RangeDecoder(2, PRECISION)
    coder.start(stream, 0)
    coder.start(stream, 1)
    return coder


@cache
def streams() -> dict[str, bytes]:
    """Return streams of `TEXT`, by how it was coded."""
    coder = written()
    coder.extend_static(STATIC, SYMBOLS, 1)
    of_lanes = encoder()
    of_lanes.extend_lanes(lanes(), np.ascontiguousarray(SYMBOLS.reshape(-1, 2)), TWO)
    return {
        "rows": coder.finish(0)[0],
        "static": coder.finish(1)[0],
        "lanes": of_lanes.finish(0)[0],
        "counted": counted_encoder_stream(),
    }


def counted_encoder() -> _core.RangeEncoder:
    return _core.RangeEncoder(1, 24)


def counted_encoder_stream() -> bytes:
    coder = counted_encoder()
    coder.extend_counted(ids(), 12, 0)
    return coder.finish(0)[0]


def counted_decoder() -> _core.RangeDecoder:
    coder = _core.RangeDecoder(1, 24)
    coder.start(streams()["counted"], 0)
    return coder


def column() -> _core.StringColumn:
    return eqinfo.StringColumn(TEXT.split(), codebook())._rows


def window_run() -> tuple[_core.WindowMemo, _core.WindowEncoding]:
    model = static_model()
    memo = _core.WindowMemo(32, PRECISION, 256, model, 1 << 16)
    return memo, _core.WindowEncoding(memo, model, 2, SYMBOLS, flat()[1])


def function_codec() -> WindowCodec:
    return WindowCodec(FunctionModel(lambda contexts, lengths: LOGITS[: len(lengths)]), 32)


def primed_mixer() -> mixer.PrimedMixer:
    return mixer.PrimedMixer(TEXT[:50], random_native_model(), table_bits=8)


def solid_mixer() -> mixer.SolidMixer:
    return mixer.SolidMixer(random_native_model(), block_bytes=len(TEXT), table_bits=8)


WINDOWS = np.zeros((2, 4), np.uint64)
WINDOWS[:, 3] = 1 << 32


CASES: dict[str, Case] = {
    "Codebook": Case(lambda _: new_codebook().window_bits),
    "Codebook lazy": Case(
        lambda core: core.encode(TEXT, True, 1), lambda: _core.Codebook(*nodes(), True)
    ),
    "encode": Case(lambda _: native().encode(TEXT, False, 1)),
    "encode in threads": Case(lambda _: native().encode(TEXT * 400, False, 3)),
    "encode shortest": Case(lambda _: native().encode(TEXT, True, 1)),
    "encode shortest in threads": Case(lambda _: native().encode(TEXT * 400, True, 3)),
    "encode a str": Case(lambda _: native().encode("\u00e4 \u20ac \U0001f600 " * 30, False, 1)),
    "encode a str in threads": Case(lambda _: native().encode("\u00e4" * 90_000, False, 3)),
    "encode a short text": Case(lambda _: native().short_encoders()[0](TEXT)),
    "encode a short text as a list": Case(lambda _: new_codebook().short_encoders()[1](TEXT)),
    "lists": Case(lambda _: new_codebook().lists(ids(), np.array([0, 3, 9]), 9)),
    "encode_part": Case(lambda _: native().encode_part(TEXT, 0, 1)),
    "finish": Case(lambda _: native().finish(3)),
    "encode_list": Case(lambda _: native().encode_list([TEXT, "\u00e4", b""] * 9, False, 2)),
    "encode_flat": Case(lambda _: native().encode_flat(*flat(), False, 2)),
    "decode": Case(lambda _: native().decode(ids(), 1)),
    "decode in one pass": Case(lambda _: native().decode(np.tile(ids(), 900), 1)),
    "decode in threads": Case(lambda _: native().decode(np.tile(ids(), 4000), 3)),
    "decode_flat": Case(lambda _: native().decode_flat(ids(), np.array([0, 3, 9]), 2)),
    "decode_into": Case(lambda _: native().decode_into(ids(), np.empty(len(TEXT), np.uint8))),
    "string": Case(lambda _: native().string(4000)),
    "tables": Case(lambda _: sorted(native().tables())),
    "codebook_fit": Case(lambda _: _core.codebook_fit(*flat(), None, None, 1, 9, 8)),
    "codebook_fit again": Case(
        lambda _: _core.codebook_fit(*flat(), np.full(4, 3), nodes()[:2], 1, 9, 8)
    ),
    "CodebookPruner": Case(
        lambda _: _core.CodebookPruner(*flat(), None, *nodes()[:2], None, 2).measure(nodes()[2])
    ),
    "CodebookPruner with phrases": Case(
        lambda _: _core.CodebookPruner(*flat(), None, *nodes()[:2], nodes()[2], 2).measure(
            nodes()[2]
        )
    ),
    "count_phrases": Case(lambda _: _core.count_phrases(*flat(), 3, 20, 4)),
    "count_words": Case(lambda _: _core.count_words(*flat())),
    "text_features": Case(lambda _: _core.text_features(*flat(), 31, 1000)),
    "word_ends": Case(lambda _: _core.word_ends(flat()[0])),
    "mixer_encode": Case(lambda _: mixer.encode(TEXT, random_native_model())),
    "mixer_decode": Case(
        lambda stream: mixer.decode(stream, len(TEXT)), lambda: mixer.encode(TEXT)
    ),
    "PrimedMixer": Case(lambda _: type(primed_mixer()).__name__),
    "PrimedMixer.encode": Case(lambda coder: coder.encode(TEXT), primed_mixer),
    "PrimedMixer.decode": Case(
        lambda coder: coder.decode_into(primed_mixer().encode(TEXT), np.empty(len(TEXT), np.uint8)),
        primed_mixer,
    ),
    "SolidMixer": Case(lambda _: type(solid_mixer()).__name__),
    "SolidMixer.encode": Case(lambda coder: coder.encode(TEXT), solid_mixer, retry=False),
    "SolidMixer.decode": Case(
        lambda coder: coder.decode_into(solid_mixer().encode(TEXT), np.empty(len(TEXT), np.uint8)),
        solid_mixer,
        retry=False,
    ),
    "mixer_probabilities": Case(lambda _: mixer.probabilities(TEXT).tobytes()),
    "lz77_find": Case(lambda _: lz77.find(TEXT).rows.tobytes()),
    "lz77_encode": Case(lambda _: lz77.encode(TEXT * 9)),
    "lz77_encode with ids": Case(lambda _: lz77.encode(TEXT * 9, codebook())),
    "lz77_decode": Case(
        lambda stream: lz77.decode(stream, 9 * len(TEXT)), lambda: lz77.encode(TEXT * 9)
    ),
    "lz77_decode with ids": Case(
        lambda stream: lz77.decode(stream, 9 * len(TEXT), codebook()),
        lambda: lz77.encode(TEXT * 9, codebook()),
    ),
    "x86_absolute": Case(lambda _: _core.x86_absolute(np.frombuffer(TEXT, np.uint8)).tobytes()),
    "word_classes": Case(lambda _: _core.word_classes(np.arange(9, dtype=np.uint32))),
    "strings_within_words": Case(lambda _: _core.strings_within_words(*nodes()[:2])),
    "weighted_children": Case(
        lambda _: _core.weighted_children(
            np.array([[0, 1 << 40]] * 2, np.uint64),
            LOGITS[:2],
            PRECISION,
            np.array([0, 1 << 20], np.uint64),
        )
    ),
    "frequencies": Case(lambda _: _core.frequencies(LOGITS, PRECISION)),
    "pack_codewords": Case(lambda _: _core.pack_codewords(WINDOWS[:, :2].copy(), 32, 16)),
    "unpack_codewords": Case(lambda _: _core.unpack_codewords(np.zeros(8, np.uint16), 32, 16)),
    "pack_bits": Case(lambda _: _core.pack_bits(TEXT, 8 * len(TEXT), 11)),
    "unpack_bits": Case(lambda _: _core.unpack_bits(ids(), 12)),
    "uninitialized_bytes": Case(lambda _: len(_core.uninitialized_bytes(100)[0])),
    "StaticModel": Case(lambda _: type(static_model()).__name__),
    "ModelLanes": Case(lambda _: type(lanes()).__name__),
    "ModelLanes.predict": Case(
        lambda contexts: contexts.predict(TWO, SYMBOLS[:2], PRECISION), lanes
    ),
    "ModelLanes.reset": Case(lambda contexts: contexts.reset(TWO), lanes),
    "NativeModel": Case(
        lambda model: _core.NativeModel(model._weights, False).context_bytes,
        random_native_model,
    ),
    "NativeModel.define": Case(
        lambda model: model.native.define(flat()[0][:9]), random_native_model
    ),
    "Transformer": Case(
        lambda model: _core.Transformer(model.tensors, 8).context_bytes, random_transformer
    ),
    "Transformer.define": Case(
        lambda model: model.native.define(SYMBOLS[:9]), lambda: random_transformer(8, 8)
    ),
    "Transformer.extend": Case(
        lambda model: model.native.extend(SYMBOLS[:9]), lambda: random_transformer(8, 8)
    ),
    "TextContexts": Case(
        lambda _: _core.TextContexts(4, True).rows(flat()[0].reshape(4, -1).copy())
    ),
    "TextContexts.reset": Case(
        lambda contexts: contexts.reset(1),
        lambda: _core.TextContexts(4, True),
        lambda contexts, _: contexts.rows(flat()[0].reshape(4, -1).copy()),
    ),
    "RangeEncoder": Case(lambda _: encoder().finish(0)),
    "RangeEncoder.step": Case(
        lambda coder: coder.step(LOGITS[:2], SYMBOLS[:2], TWO), encoder, finished
    ),
    "RangeEncoder.extend": Case(lambda coder: coder.extend(LOGITS, SYMBOLS, 0), encoder, finished),
    "RangeEncoder.extend_lanes": Case(
        lambda both: both[0].extend_lanes(both[1], SYMBOLS.reshape(-1, 2).copy(), TWO),
        lambda: (encoder(), lanes()),
        lambda both, _: finished(both[0], None),
        retry=False,
    ),
    "RangeEncoder.extend_static": Case(
        lambda coder: coder.extend_static(STATIC, SYMBOLS, 0), encoder, finished
    ),
    "RangeEncoder.extend_counted": Case(
        lambda coder: coder.extend_counted(np.tile(ids(), 90), 12, 0),
        counted_encoder,
        lambda coder, _: coder.finish(0),
        retry=False,
    ),
    "RangeEncoder.put_bits": Case(lambda coder: coder.put_bits(5, 3, 0), encoder, finished),
    "RangeEncoder.finish": Case(lambda coder: coder.finish(0), written),
    "RangeDecoder": Case(lambda _: decoder(streams()["rows"]).get_bits(3, 0)),
    "RangeDecoder.start": Case(
        lambda coder: coder.start(streams()["rows"], 0),
        lambda: decoder(b""),
        lambda coder, _: coder.extend(LOGITS, 0),
    ),
    "RangeDecoder.step": Case(
        lambda coder: coder.step(LOGITS[:2], TWO), lambda: decoder(streams()["rows"])
    ),
    "RangeDecoder.extend": Case(
        lambda coder: coder.extend(LOGITS, 0), lambda: decoder(streams()["rows"])
    ),
    "RangeDecoder.extend_lanes": Case(
        lambda both: both[0].extend_lanes(both[1], 9, TWO),
        lambda: (decoder(streams()["lanes"]), lanes()),
        retry=False,
    ),
    "RangeDecoder.extend_static": Case(
        lambda coder: coder.extend_static(STATIC, len(TEXT), 0),
        lambda: decoder(streams()["static"]),
    ),
    "RangeDecoder.extend_counted": Case(
        lambda coder: coder.extend_counted(len(ids()), 12, 0), counted_decoder
    ),
    "StringColumn": Case(lambda _: type(column()).__name__),
    "StringColumn.row": Case(lambda rows: rows.row(3), column),
    "StringColumn.offsets": Case(lambda rows: rows.offsets(1, 20), column),
    "StringColumn.gather": Case(lambda rows: rows.gather(np.array([3, 3, 1])), column),
    "StringColumn.equal": Case(lambda rows: rows.equal(0, 40, codebook().encode(b"no")), column),
    "StringColumn.starts_with": Case(lambda rows: rows.starts_with(0, 40, b"pla"), column),
    "string_list": Case(lambda _: _core.string_list(*flat(), np.array([True] * 4), True)),
    "WindowMemo": Case(lambda _: window_run()[1].advance()),
    "WindowRun.advance": Case(lambda run: run[1].advance(), window_run, retry=False),
    "WindowRun.proceed": Case(
        lambda run: run[1].proceed(1 << 20),
        window_run,
        lambda run, _: run[1].windows(),
        retry=False,
    ),
    "window_encode": Case(
        lambda windows: _core.window_encode(windows, TWO, LOGITS[:2], PRECISION, SYMBOLS[:2]),
        WINDOWS.copy,
        lambda windows, fits: (windows, fits),
    ),
    "window_decode": Case(
        lambda windows: _core.window_decode(
            windows, TWO, LOGITS[:2], PRECISION, np.array([[0, 5]] * 2, np.uint64)
        ),
        WINDOWS.copy,
    ),
    "window_children": Case(lambda _: _core.window_children(WINDOWS, LOGITS[:2], PRECISION)),
    "encode windows": Case(
        lambda codec: codec.encode_batch([TEXT, b"", TEXT]).tokens,
        lambda: WindowCodec(random_native_model(), 32),
    ),
    "decode windows": Case(
        lambda both: list(both[0].decode_batch(both[1])),
        lambda: (codec := WindowCodec(random_native_model(), 32), codec.encode_batch([TEXT[:9]])),
    ),
    "encode windows with a function": Case(lambda codec: codec.encode(TEXT[:20]), function_codec),
    "encode padded windows": Case(
        lambda codec: codec.encode(TEXT[:9]),
        lambda: WindowCodec(random_native_model(), 32, variant="padded"),
    ),
    "encode and decode streams": Case(
        lambda codec: codec.decode(codec.encode(TEXT)),
        lambda: ArithmeticCodec(random_native_model()),
    ),
    "encode and decode static streams": Case(
        lambda codec: codec.decode(codec.encode(TEXT)),
        lambda: ArithmeticCodec(StaticModel(range(256))),
    ),
    "compress": Case(
        lambda codec: [
            eqinfo.decompress(
                eqinfo.compress(TEXT * 9, codec=name, block_bytes=500, num_threads=2), num_threads=2
            )
            for name in ("stored", "codebook", "ranged")
        ]
    ),
    "column": Case(lambda _: eqinfo.StringColumn(["a", None, "b"] * 9, codebook()).to_list()),
}
