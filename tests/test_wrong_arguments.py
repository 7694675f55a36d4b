"""Arguments of a wrong type are errors that name the argument, and never another result."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import eqinfo
from eqinfo import frequency, mixer, models, range_coder, shards
from eqinfo.common.counts import counted
from eqinfo.container import lz77

ONE_DOCUMENT = [
    "abc",
    b"abc",
    bytearray(b"abc"),
    memoryview(b"abc"),
    array("B", b"abc"),
    np.frombuffer(b"abc", np.uint8),
]


def text_features(*arguments: Any) -> object:
    pytest.importorskip("torch")
    from eqinfo.embedding import text_features as made

    return made(*arguments)


def cuda_frequencies(*arguments: Any) -> object:
    pytest.importorskip("torch")
    from eqinfo.cuda import frequency as made

    return made.frequencies(*arguments)


def codebook() -> eqinfo.Codebook:
    return eqinfo.Codebook.bundled("en")


@pytest.mark.parametrize("document", ONE_DOCUMENT, ids=lambda d: type(d).__name__)
def test_one_document_is_not_several(document: Any) -> None:
    message = f"^expected several {{}}s, found one {type(document).__name__}; use {{}} for a single"
    with pytest.raises(TypeError, match=message.format("document", "compress")):
        eqinfo.compress_each(document)
    with pytest.raises(TypeError, match=message.format("container", "decompress")):
        eqinfo.decompress_each(document)


def test_one_string_is_no_column() -> None:
    with pytest.raises(TypeError, match=r"^expected several strings, found one str; put it into"):
        eqinfo.StringColumn("abc")


@pytest.mark.parametrize("documents", [["a", b"b"], np.array(["a", "b"]), np.array([b"a", b"b"])])
def test_several_documents_are_taken(documents: Any) -> None:
    assert list(eqinfo.decompress_each(eqinfo.compress_each(documents))) == [b"a", b"b"]


@pytest.mark.parametrize(
    "call",
    [
        eqinfo.encode_batch,
        eqinfo.StringColumn,
        eqinfo.compress_each,
        eqinfo.decompress_each,
        eqinfo.Codebook.fit,
        text_features,
        eqinfo.ArithmeticCodec(models.load("en")).encode_batch,
    ],
)
def test_what_cannot_be_iterated_over(call: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match=r"^expected an iterable of \w+, found int$"):
        call(5)


CODECS = [
    eqinfo.ArithmeticCodec(models.load("en"), verify=True),
    eqinfo.ArithmeticCodec(models.StaticModel([1] * 256)),
    eqinfo.WindowCodec(models.load("en"), verify=True),
]


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: type(codec).__name__)
@pytest.mark.parametrize(
    "document", [[1, 2, 3], np.array([1, 2, 3]), np.array([1, 2, 3], np.uint8), b"\1\2\3"], ids=repr
)
def test_symbols_of_any_width(codec: Any, document: Any) -> None:
    expected = codec.encode_symbols([np.array([1, 2, 3], np.int32)])[0].tolist()
    tokens = codec.encode_symbols(iter([document]))
    assert tokens[0].tolist() == expected
    assert codec.decode_symbols([expected])[0].tolist() == [1, 2, 3]
    bits = models.symbol_information(codec.model, [document])[0]
    assert bits.tolist() == models.symbol_information(codec.model, [[1, 2, 3]])[0].tolist()


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: type(codec).__name__)
def test_documents_of_integers(codec: Any) -> None:
    one = r"^expected the {}s of several documents, found one (list|ndarray|bytes) of integers; "
    calls = {
        "symbol": [codec.encode_symbols, lambda d: models.symbol_information(codec.model, d)],
        "token": [codec.decode_symbols],
    }
    for noun in calls:
        for call in calls[noun]:
            for document in ([1, 2], np.array([1, 2], np.uint16), b"ab"):
                with pytest.raises(TypeError, match=one.format(noun)):
                    call(document)
            with pytest.raises(TypeError, match=r"^expected an iterable of documents, found int$"):
                call(5)
            for wrong in (["ab"], [np.array([0.5])], [None]):
                with pytest.raises(TypeError, match=f"^expected integer {noun}s|{noun}s, found"):
                    call(wrong)
            with pytest.raises(
                ValueError, match=rf"^expected {noun}s of shape \(n,\), found shape"
            ):
                call([np.zeros((2, 2), np.uint16)])


def with_model(value: Any, name: str) -> eqinfo.WindowCodec:
    return eqinfo.WindowCodec(models.load("en"), **{name: value})


INTEGERS: list[tuple[str, Callable[[Any], object]]] = [
    ("window_bits", lambda value: eqinfo.window_codec("en", window_bits=value)),
    ("window_bits", lambda value: eqinfo.window_codec(codebook(), window_bits=value)),
    ("window_bits", lambda value: eqinfo.encode("a", window_bits=value)),
    ("window_bits", lambda value: with_model(value, "window_bits")),
    ("window_bits", lambda value: eqinfo.Codebook.fit("a", value)),
    ("window_bits", lambda value: eqinfo.Codebook.from_model(models.load("en"), value)),
    ("max_length", lambda value: eqinfo.Codebook.fit("a", 9, max_length=value)),
    ("lanes", lambda value: with_model(value, "lanes")),
    ("memory", lambda value: with_model(value, "memory")),
    ("token_bits", lambda value: eqinfo.ArithmeticCodec(models.load("en"), value)),
    ("precision", lambda value: eqinfo.ArithmeticCodec(models.load("en"), precision=value)),
    ("check_bits", lambda value: eqinfo.ArithmeticCodec(models.load("en"), check_bits=value)),
    ("num_threads", lambda value: eqinfo.CodebookCodec(codebook(), num_threads=value)),
    ("num_threads", lambda value: codebook().encode("a", num_threads=value)),
    ("num_threads", lambda value: codebook().encode_as_list("a", num_threads=value)),
    ("num_threads", lambda value: codebook().encode_batch(["a"], num_threads=value)),
    ("num_threads", lambda value: codebook().decode([0], num_threads=value)),
    ("num_threads", lambda value: eqinfo.StringColumn(["a"], num_threads=value)),
    ("num_threads", lambda value: eqinfo.compress(b"", num_threads=value)),
    ("num_threads", lambda value: eqinfo.decompress(b"", num_threads=value)),
    ("block_bytes", lambda value: eqinfo.compress(b"", block_bytes=value)),
    ("window_bits", lambda value: eqinfo.compress(b"", codec="windows", window_bits=value)),
    ("start", lambda value: with_model(32, "window_bits").decode_windows([0, 0], value)),
    ("least_bits", lambda value: with_model(32, "window_bits").prepare(value)),
    ("lanes", lambda value: range_coder.RangeEncoder(value)),
    ("precision", lambda value: range_coder.RangeDecoder(1, value)),
    ("id", lambda value: codebook()[value]),
    ("document", lambda value: eqinfo.encode_batch(["a"])[value]),
    ("buckets", lambda value: text_features(["a"], value)),
    ("context_length", lambda value: models.FunctionModel(len, context_length=value)),
    ("vocab_size", lambda value: models.StaticModel.fit("a", value)),
    ("precision", lambda value: models.ideal_bits(models.load("en"), "a", value)),
    ("precision", lambda value: frequency.frequencies(np.zeros((1, 2), np.float32), value)),
    ("vocab_size", frequency.min_precision),
    ("precision", lambda value: mixer.encode(b"a", None, value)),
    ("precision", lambda value: mixer.probabilities(b"a", None, value)),
    ("size", lambda value: mixer.decode(b"", value)),
    ("size", lambda value: lz77.decode(b"", value)),
    ("size", mixer.working_bytes),
    ("size", lambda value: mixer.primed_table_bits(1, value)),
    ("block_bytes", lambda value: mixer.SolidMixer(block_bytes=value)),
    ("table_bits", lambda value: mixer.PrimedMixer(b"a", table_bits=value)),
    ("count", lambda value: range_coder.decode_static(b"", np.ones(2, np.uint32), value)),
]


@pytest.mark.parametrize("value", [1.5, 16.0, "16", None], ids=repr)
@pytest.mark.parametrize(("name", "call"), INTEGERS)
def test_integers(name: str, call: Callable[[Any], object], value: Any) -> None:
    with pytest.raises(
        TypeError, match=f"^expected an integer for {name}, found {type(value).__name__}$"
    ):
        call(value)


@pytest.mark.parametrize("value", [-1, 1 << 32], ids=["negative", "large"])
@pytest.mark.parametrize(
    "call",
    [
        lambda value: range_coder.RangeEncoder(1, value),
        lambda value: frequency.frequencies(np.zeros((1, 2), np.float32), value),
        lambda value: models.ideal_bits(models.load("en"), "a", value),
        lambda value: eqinfo.ArithmeticCodec(models.load("en"), precision=value).encode("a"),
        lambda value: eqinfo.WindowCodec(models.load("en"), precision=value).encode("a"),
        lambda value: mixer.encode(b"a", models.load("en"), value),
        lambda value: mixer.decode(b"a", 1, models.load("en"), value),
        lambda value: mixer.SolidMixer(models.load("en"), value, block_bytes=1),
        lambda value: mixer.PrimedMixer(b"a", models.load("en"), value),
        lambda value: cuda_frequencies(None, value),
    ],
)
def test_precisions_out_of_range(call: Callable[[Any], object], value: int) -> None:
    with pytest.raises(ValueError, match=rf"^expected (a )?precision of .*, found {value}"):
        call(value)


@pytest.mark.parametrize("name", ["from_model", "optimal"])
@pytest.mark.parametrize("precision", [11, 25])
def test_precisions_of_codebooks(name: str, precision: int) -> None:
    most = r"window_bits \(20\)" if name == "from_model" else "24"
    message = f"^expected a precision of 12 to {most} bits, found {precision}$"
    with pytest.raises(ValueError, match=message):
        getattr(eqinfo.Codebook, name)(models.load("en"), 20, precision=precision)


def test_a_codebook_is_fitted_by_a_thread_at_least() -> None:
    for value in (0, -1):
        with pytest.raises(
            ValueError, match=f"^expected num_threads of at least 1, found {value}$"
        ):
            eqinfo.Codebook.fit(PROSE, 9, num_threads=value)


def test_shares_are_no_counts() -> None:
    for value in (0.5, "8", None):
        with pytest.raises(TypeError, match=f"^expected integer counts, found {value!r}; multiply"):
            models.StaticModel([1, value])
    assert models.StaticModel(np.array([1.0, 8.0])).counts == (1, 8)


def test_sizes_out_of_range() -> None:
    for value in (-1, 10**30):
        with pytest.raises(ValueError, match=r"^expected size of 0 to 2\^63 - 1, found"):
            mixer.decode(b"", value)
        with pytest.raises(ValueError, match=r"^expected size of 0 to 2\^63 - 1, found"):
            lz77.decode(b"", value)
        with pytest.raises(ValueError, match=r"^expected block_bytes of 0 to 2\^63 - 1, found"):
            mixer.SolidMixer(block_bytes=value)
        with pytest.raises(ValueError, match=r"^expected lanes of 0 to 2\^63 - 1, found"):
            range_coder.RangeEncoder(value)


PROSE = "It was the best of times, it was the worst of times. " * 40


def equal_rows(contexts: Any, lengths: Any) -> Any:
    return np.zeros((len(lengths), 100), np.float32)


def coded(codec: Any) -> object:
    return codec.fingerprint, codec.encode(PROSE).tolist()


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.uint64, np.int64])
@pytest.mark.parametrize(
    ("value", "call"),
    [
        (16, lambda n: eqinfo.encode(PROSE, token_bits=n, window_bits=n).tolist()),
        (16, lambda n: coded(eqinfo.WindowCodec(models.load("en"), n, n, precision=n))),
        (100, lambda n: coded(eqinfo.WindowCodec(models.load("en"), n, reset_every=n, lanes=n))),
        (100, lambda n: coded(eqinfo.WindowCodec(models.load("en"), memory=n, idle_memory=n))),
        (16, lambda n: coded(eqinfo.ArithmeticCodec(models.load("en"), n, n, n, check_bits=n))),
        (8, lambda n: coded(eqinfo.CodebookCodec(codebook(), n, num_threads=n))),
        (100, lambda n: eqinfo.compress(PROSE, codec="arithmetic", block_bytes=n)),
        (100, lambda n: eqinfo.compress(PROSE, segment_bytes=n, num_threads=n)),
        (64, lambda n: eqinfo.compress(PROSE, codec="windows", window_bits=n)),
        (9, lambda n: eqinfo.Codebook.fit(PROSE, n, max_length=n, rounds=n).fingerprint),
        (12, lambda n: eqinfo.Codebook.from_model(models.load("en"), n, precision=n).fingerprint),
        (12, lambda n: eqinfo.Codebook.optimal(models.load("en"), n, precision=n).metadata),
        (100, lambda n: eqinfo.encode_batch(["the best"] * 300)[n].tolist()),
        (100, lambda n: models.FunctionModel(equal_rows, n, n).fingerprint),
        (16, lambda n: models.ideal_bits(models.load("en"), "abc", n)),
        (100, mixer.working_bytes),
        (100, lambda n: mixer.primed_table_bits(n, n)),
        (100, lambda n: repr(shards.ShardParameters(shard_bytes=n))),
    ],
)
def test_integers_of_numpy_are_integers(
    call: Callable[[Any], object], value: int, kind: Any
) -> None:
    """They do not overflow, and nothing that is kept names their dtype."""
    assert call(kind(value)) == call(value)


@pytest.mark.parametrize("value", [0.5, "a", b"a", [0, 1], np.array([0]), None], ids=repr)
def test_rows_of_a_column(value: Any) -> None:
    take = not isinstance(value, str | float)
    message = f"^expected a row's number or a slice, found {type(value).__name__}" + (
        "; use take for several rows$" if take else "$"
    )
    with pytest.raises(TypeError, match=message):
        eqinfo.StringColumn(["a", "b"])[value]


def test_a_column_equals_nothing_else() -> None:
    column = eqinfo.StringColumn(["a"])
    assert not column.equals(5)
    assert not column.equals(["a"])
    assert column.equals(eqinfo.StringColumn(["a"]))


def test_a_model_is_no_codebook() -> None:
    pytest.importorskip("transformers")
    from eqinfo.tokenizer import from_codebook

    for call in (from_codebook, lambda model: eqinfo.StringColumn(["a"], model)):
        with pytest.raises(TypeError, match=r"^expected a Codebook or the name of .* NativeModel"):
            call(models.load("en"))


@pytest.mark.parametrize("name", ["en", "world-18"])
def test_strings_of_a_codebook_are_in_it(name: str) -> None:
    book = eqinfo.Codebook.bundled(name)
    strings = [book[i] for i in range(0, len(book), 37)]
    assert all(string in book for string in strings)
    known = set(map(book.__getitem__, range(len(book))))
    others = [a + b for a, b in pairwise(strings)]
    assert [text in book for text in others] == [text in known for text in others]
    assert "" in book
    assert "the" in book
    assert b"the" in book
    assert bytearray(b"the") in book
    assert "the best of times" not in book
    with pytest.raises(TypeError, match=r"^expected str or bytes, found int$"):
        5 in book  # type: ignore[operator]  # noqa: B015


def test_a_limit_of_the_output() -> None:
    blob = eqinfo.compress(b"abc")
    for call in (eqinfo.decompress, lambda data, **k: list(eqinfo.decompress_each([data], **k))):
        assert call(blob, max_output=3) in (b"abc", [b"abc"])
        with pytest.raises(
            ValueError, match=r"^expected max_output of 0 or more, or None, found -1"
        ):
            call(blob, max_output=-1)
        with pytest.raises(TypeError, match=r"^expected an integer for max_output, found float$"):
            call(blob, max_output=1.5)


def test_a_function_is_wrapped_for_files() -> None:
    with pytest.raises(TypeError, match=r"arithmetic, found function; wrap it as .*FunctionModel"):
        eqinfo.compress(b"abc", lambda contexts, lengths: None)  # type: ignore[arg-type]


def test_a_single_thing_is_counted_as_one() -> None:
    assert counted(1, "byte") == "1 byte"
    assert counted(1000, "byte") == "1,000 bytes"
    batch = eqinfo.encode_batch(["the"])
    assert repr(batch) == "TokenBatch(1 document, 1 token)"
    assert repr(eqinfo.decode_batch(batch)) == "TextBatch(1 document, 3 bytes)"
