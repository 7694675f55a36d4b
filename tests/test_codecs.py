"""Codecs: any bytes, any model, any variant come back, whatever the batch and the order."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eqinfo import reference
from eqinfo.codebook import Codebook
from eqinfo.codecs import CodebookCodec, Codec, ModelCodec
from eqinfo.codecs.arithmetic import ArithmeticCodec
from eqinfo.codecs.windows import WindowCodec
from eqinfo.errors import ChecksumError, FormatError, ModelError, UnsupportedError
from eqinfo.frequency import frequencies
from eqinfo.models import FunctionModel, StaticModel
from eqinfo.range_coder import RangeDecoder
from eqinfo.window import VARIANTS
from eqinfo.window.coder import LaneCoder, PaddedCoder
from eqinfo.window.engine import WindowEngine
from eqinfo.window.lanes import decode_windows
from eqinfo.window.padded import encode_padded
from strategies import KINDS, TEXTS, adversarial_model, texts

STATIC = StaticModel.fit(b"".join(TEXTS))
MODELS = {kind: adversarial_model(kind) for kind in KINDS}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_window_round_trip(data: st.DataObject) -> None:
    model = data.draw(st.sampled_from([*MODELS.values(), STATIC]))
    window_bits = data.draw(st.integers(12, 128))
    variant = data.draw(st.sampled_from(VARIANTS))
    token_bits = data.draw(st.integers(1, 16 if variant == "bijective" else min(16, window_bits)))
    codec = WindowCodec(
        model,
        window_bits,
        token_bits,
        precision=data.draw(st.one_of(st.none(), st.integers(12, min(24, window_bits)))),
        variant=variant,
        reset_every=data.draw(st.sampled_from([0, 1, 2, 5])),
        lanes=data.draw(st.sampled_from([1, 2, 7, 256])),
    )
    documents = data.draw(st.lists(texts, max_size=4))
    tokens = codec.encode_batch(documents)
    assert [codec.decode_bytes(document) for document in tokens] == documents
    symbols = codec.decode_symbols(tokens)
    assert [bytes(s.astype(np.uint8)) for s in symbols] == documents
    assert all((codec.encode(d) == t).all() for d, t in zip(documents, tokens, strict=True))


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_arithmetic_round_trip_and_reference(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    model = MODELS[kind]
    precision = data.draw(st.integers(12, 24))
    token_bits = data.draw(st.integers(1, 16))
    lanes = data.draw(st.sampled_from([1, 2, 256]))
    check_bits = data.draw(st.sampled_from([0, 1, 8, 16, 17, 32]))
    codec = ArithmeticCodec(model, token_bits, precision, lanes, check_bits=check_bits)
    documents = data.draw(st.lists(texts, max_size=4))
    tokens = codec.encode_batch(documents)
    assert [codec.decode_bytes(document) for document in tokens] == documents
    for document, coded in zip(documents, tokens, strict=True):
        some = document[:20]

        def predict(context: object) -> list[int]:
            seen = np.array([[*context] or [0]], np.int32)  # type: ignore[misc]
            row = model.logits_at(seen, np.array([len(context)], np.int32))  # type: ignore[arg-type]
            return reference.frequencies(row[0].tolist(), precision)

        if some == document:
            expected = reference.arithmetic_tokens(
                list(some), predict, precision, token_bits, check_bits
            )
            assert coded.tolist() == expected


@pytest.mark.parametrize("text", TEXTS)
def test_static_fast_path_gives_the_tokens_of_the_slow_one(text: bytes) -> None:
    row = STATIC.static_logits
    slow = FunctionModel(lambda contexts, lengths: np.tile(row, (len(lengths), 1)))
    for token_bits, check_bits in ((1, 0), (8, 12), (16, 0), (16, 32)):
        codecs = [ArithmeticCodec(m, token_bits, check_bits=check_bits) for m in (STATIC, slow)]
        tokens = codecs[0].encode(text)
        assert (tokens == codecs[1].encode(text)).all()
        assert [codec.decode_bytes(tokens) for codec in codecs] == [text] * 2


class NativeModel:
    """A model that only native code can run."""

    def __init__(self, model: StaticModel) -> None:
        self.native = model.native
        self.vocab_size, self.fingerprint = model.vocab_size, model.fingerprint

    def start(self, batch: int) -> None:
        raise AssertionError("a step in Python")

    step = reset = start


@pytest.mark.parametrize("check_bits", [0, 24])
@pytest.mark.parametrize("lanes", [1, 7, 256])
def test_native_models_give_the_same_streams(lanes: int, check_bits: int) -> None:
    rng = np.random.default_rng(0)
    for vocab_size, precision in ((2, 8), (256, 24), (1000, 20)):
        text = (vocab_size * rng.random(2000) ** 3).astype(np.int32)
        model = StaticModel(np.bincount(text, minlength=vocab_size).tolist())
        documents = [text[:n] for n in (0, 1, 2, 700, 300, 0, 300, 2000)]
        static = ArithmeticCodec(model, 16, precision, check_bits=check_bits)
        expected = static.encode_symbols(documents)
        codec = ArithmeticCodec(
            NativeModel(model),  # type: ignore[arg-type]
            16, precision, lanes, check_bits=check_bits,
        )  # fmt: skip
        tokens = codec.encode_symbols(documents)
        assert [t.tolist() for t in tokens] == [t.tolist() for t in expected]
        decoded = codec.decode_symbols(tokens)
        assert [d.tolist() for d in decoded] == [d.tolist() for d in documents]
        with pytest.raises(FormatError):
            codec.decode_symbols([tokens[3][:-2]])
        with pytest.raises(ValueError, match="symbol number 1: not in the alphabet"):
            codec.encode_symbols([np.array([0, vocab_size], np.int32)])


@pytest.mark.parametrize("claimed", [1 << 20, 1 << 62])
@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("kind", ["static", "function", "native"])
def test_a_claimed_length_is_believed_only_as_far_as_the_stream_goes(
    kind: str, lanes: int, claimed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    symbols = 0

    def predict(contexts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        nonlocal symbols
        symbols += len(lengths)
        assert symbols < 5000, "decodes on after the end of the stream"
        return np.tile(STATIC.static_logits, (len(lengths), 1))

    def limited(coder: RangeDecoder, frequencies: np.ndarray, count: int) -> np.ndarray:
        nonlocal symbols
        symbols += count
        assert symbols < 200_000, "decodes on after the end of the stream"
        return extend_static(coder, frequencies, count)

    extend_static = RangeDecoder.extend_static
    monkeypatch.setattr(RangeDecoder, "extend_static", limited)
    models = {"static": STATIC, "function": FunctionModel(predict), "native": NativeModel(STATIC)}
    codec = ArithmeticCodec(models[kind], lanes=lanes)  # type: ignore[arg-type]
    # The width of the length in 6 bits, then zeros: the rest of the length, and no symbol more.
    token = np.array([claimed.bit_length() << 10, *[0] * 4], np.uint16)
    honest = ArithmeticCodec(STATIC).encode("honest")
    with pytest.raises(FormatError, match="expected a stream as long as its text, found one that"):
        codec.decode_batch([token, honest])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_arithmetic_streams_are_refused_or_the_code_of_another_text(
    data: st.DataObject,
) -> None:
    codec = ArithmeticCodec(
        data.draw(st.sampled_from([STATIC, MODELS["random"]])), data.draw(st.sampled_from([8, 16]))
    )
    text = data.draw(st.binary(min_size=1, max_size=60) | st.sampled_from([t for t in TEXTS if t]))
    tokens = codec.encode(text[:200])
    damage = data.draw(st.sampled_from(["truncated", "flipped", "extended"]))
    if damage == "truncated":
        damaged = tokens[: data.draw(st.integers(0, len(tokens) - 1))]
    elif damage == "flipped":
        damaged = tokens.copy()
        place = data.draw(st.integers(0, len(tokens) - 1))
        damaged[place] ^= 1 << data.draw(st.integers(0, codec.token_bits - 1))
    else:
        added = data.draw(st.integers(0, 2**codec.token_bits - 1))
        damaged = np.append(tokens, np.uint16(added))
    try:
        decoded = codec.decode_bytes(damaged)
    except FormatError:
        return
    assert decoded != text[:200]
    assert codec.encode(decoded).tolist() == damaged.tolist()


def test_a_stream_without_its_last_token_may_decode() -> None:
    """Without a checksum, the end check alone notices some of them only."""
    codec = ArithmeticCodec(STATIC)
    noticed = 0
    for length in range(20, 60):
        text = TEXTS[-1][:length]
        try:
            decoded = codec.decode_bytes(codec.encode(text)[:-1])
        except FormatError:
            noticed += 1
        else:
            assert len(decoded) == len(text)
            assert decoded[:8] == text[:8]
    assert 0 < noticed < 40


PIECES = [TEXTS[-1][begin : begin + 20 + begin % 41] for begin in range(60)]


def damaged_streams(codec: ArithmeticCodec) -> Iterator[tuple[bytes, np.ndarray]]:
    """Yield short texts with their tokens: the last, several or all gone, or one bit flipped."""
    rng = np.random.default_rng(3)
    for text in PIECES:
        tokens = codec.encode(text)
        flipped = tokens.copy()
        flipped[rng.integers(len(tokens))] ^= 1 << rng.integers(codec.token_bits)
        for damaged in (tokens[:-1], tokens[: -rng.integers(1, len(tokens))], tokens[:0], flipped):
            yield text, damaged


@pytest.mark.parametrize("token_bits", [8, 16])
@pytest.mark.parametrize("kind", ["static", "function", "native"])
def test_a_check_notices_damage(kind: str, token_bits: int) -> None:
    slow = FunctionModel(lambda c, n: np.tile(STATIC.static_logits, (len(n), 1)), name="slow")
    models = {"static": STATIC, "function": slow, "native": NativeModel(STATIC)}
    model = models[kind]
    codec = ArithmeticCodec(model, token_bits, check_bits=32)  # type: ignore[arg-type]
    good = codec.encode("good")
    for _, damaged in damaged_streams(codec):
        with pytest.raises(FormatError):
            codec.decode(damaged)
        with pytest.raises(FormatError):
            codec.decode_batch([good, damaged, good])
    with pytest.raises(ChecksumError, match=r"checksum 0x\w+ of 32 bits, found 0x\w+: the tokens "):
        codec.decode(codec.encode(PIECES[0])[:-1])


def test_a_check_misses_as_much_as_it_says() -> None:
    """Four bits miss one in 16 of what is missed without them."""
    missed = {}
    for check_bits in (0, 4):
        codec = ArithmeticCodec(STATIC, 8, check_bits=check_bits)
        missed[check_bits] = 0
        for text, damaged in damaged_streams(codec):
            try:
                assert codec.decode_bytes(damaged) != text
            except FormatError:
                continue
            missed[check_bits] += 1
    assert missed[0] > 100
    assert missed[4] < missed[0] / 8


def test_a_check_notices_other_models_in_short_texts() -> None:
    codec = ArithmeticCodec(MODELS["random"], check_bits=32)
    other = ArithmeticCodec(STATIC, check_bits=32)
    for text in PIECES:
        with pytest.raises(FormatError):
            other.decode(codec.encode(text))


def test_checks_out_of_range() -> None:
    for check_bits in (-1, 33):
        with pytest.raises(ValueError, match=f"check_bits of 0 to 32, found {check_bits}"):
            ArithmeticCodec(STATIC, check_bits=check_bits)


def test_a_codec_without_a_check_has_the_fingerprint_of_old() -> None:
    codec = ArithmeticCodec(StaticModel.fit(b"the text of a model"), 8, 20)
    assert codec.fingerprint == "8ed7cd4ec331b48c087677d8da42df81"
    assert ArithmeticCodec(codec.model, 8, 20, check_bits=0).fingerprint == codec.fingerprint


def test_long_runs() -> None:
    text = b"\xff" * 100_000
    certain = StaticModel([0] * 255 + [10**9])
    for codec in (ArithmeticCodec(STATIC), ArithmeticCodec(certain), WindowCodec(certain, 64, 8)):
        assert codec.decode_bytes(codec.encode(text)) == text


def test_frequencies_ready_made_by_the_model() -> None:
    rows = frequencies(STATIC.static_logits[None], 16)
    ready = FunctionModel(lambda contexts, lengths: np.repeat(rows, len(lengths), axis=0))
    text = "one and the same"
    assert (WindowCodec(ready, 32).encode(text) == WindowCodec(STATIC, 32).encode(text)).all()
    with pytest.raises(ModelError, match="row 0: the frequencies do not sum"):
        WindowCodec(ready, 32, precision=20).encode(text)


def test_tokens_do_not_depend_on_lanes_or_threads() -> None:
    rng = np.random.default_rng(0)
    documents = [rng.integers(97, 103, n).astype(np.uint8).tobytes() for n in range(0, 90, 3)]
    model = adversarial_model("random", memory=1)
    codecs = [WindowCodec(model, 20, 16, lanes=lanes) for lanes in (1, 2, 13, 256)]
    expected = [t.tolist() for t in codecs[0].encode_batch(documents)]
    for codec in codecs:
        assert [t.tolist() for t in codec.encode_batch(documents)] == expected
        assert [codec.decode_bytes(t) for t in expected] == documents
    order = rng.permutation(len(documents))
    shuffled = codecs[2].encode_batch([documents[i] for i in order])
    assert [t.tolist() for t in shuffled] == [expected[i] for i in order]
    codec = codecs[1]
    with ThreadPoolExecutor(4) as pool:
        assert [t.tolist() for t in pool.map(codec.encode, documents)] == expected


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_streaming_does_not_depend_on_the_pieces(data: st.DataObject) -> None:
    window_bits, token_bits = data.draw(st.sampled_from([(16, 16), (24, 16), (33, 7), (12, 16)]))
    codec = WindowCodec(
        MODELS["random"], window_bits, token_bits, reset_every=data.draw(st.sampled_from([0, 1, 3]))
    )
    text = data.draw(texts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    tokens = np.concatenate(list(codec.encode_stream(pieces)))
    assert (tokens == codec.encode(text)).all()


@pytest.mark.parametrize("reset_every", [1, 3])
def test_windows_decode_alone(reset_every: int) -> None:
    text = b"any window decodes without those before it, and all of them at once"
    codec = WindowCodec(MODELS["ties"], 24, 8, reset_every=reset_every)
    tokens = codec.encode(text)
    views = codec.windows(text)
    assert b"".join(view.text for view in views) == text
    for start in range(0, len(views), reset_every):
        for stop in range(start, len(views) + 1):
            part = b"".join(view.text for view in views[start:stop])
            assert codec.decode_windows(tokens, start, stop) == part
    if reset_every > 1:
        with pytest.raises(ValueError, match="at a reset of the model, found window 1"):
            codec.decode_windows(tokens, 1)


def test_window_views_say_what_the_window_is() -> None:
    codec = WindowCodec(MODELS["random"], 32, 8)
    views = codec.windows("windows, one by one")
    assert [v.codeword for v in views] == [
        int.from_bytes(codec.encode(v.text).astype(np.uint8).tobytes(), "big") for v in views
    ]
    assert all(0 <= view.spare_bits < 32 for view in views)


def test_padded_windows_count_what_the_paper_would_misread() -> None:
    """After an improbable symbol has closed a window, the probable one would still fit and add
    only zeros.
    """

    def next_letter(contexts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        rows = np.zeros((len(lengths), 256), np.float32)
        last = contexts[np.arange(len(lengths)), np.maximum(lengths - 1, 0)]
        rows[np.arange(len(lengths)), (last + 1) % 256] = 12
        return rows

    text = b"abcdefgzabczabcdezxabz" * 5
    codec = WindowCodec(FunctionModel(next_letter, name="next"), 24, variant="padded")
    views = codec.windows(text)
    assert sum(view.misread for view in views) > 5
    assert b"".join(view.text for view in views) == text
    assert codec.decode_bytes(codec.encode(text)) == text
    # Unchecked, the windows are those of the paper's encoder; those not misread decode alone.
    document = [np.frombuffer(text, np.uint8).astype(np.int32)]
    paper = encode_padded(codec.model, document, codec.parameters, 1, checked=False)[0]
    assert paper.ends[-1] == len(text)
    begin = 0
    for i, end in enumerate(paper[:-1].ends.tolist()):
        codeword = paper.codewords[i : i + 1]
        decoded = decode_windows(codec.model, [codeword], codec.parameters, 1)[0]
        assert paper.misread[i] == (bytes(decoded.astype(np.uint8)) != text[begin:end])
        begin = end
    assert paper.misread[:-1].sum() > 5


def test_fingerprints_tell_parameters_apart() -> None:
    a, b = MODELS["random"], MODELS["ties"]
    codecs = [
        WindowCodec(a), WindowCodec(b), WindowCodec(a, 24), WindowCodec(a, 24, 8),
        WindowCodec(a, variant="delay"), WindowCodec(a, reset_every=2),
        WindowCodec(a, precision=12), ArithmeticCodec(a), ArithmeticCodec(a, 8),
        ArithmeticCodec(a, precision=20), ArithmeticCodec(b),
        ArithmeticCodec(a, check_bits=16), ArithmeticCodec(a, check_bits=32),
    ]  # fmt: skip
    assert len({codec.fingerprint for codec in codecs}) == len(codecs)
    assert WindowCodec(a, lanes=3).fingerprint == WindowCodec(a).fingerprint


def test_every_codec_is_a_codec() -> None:
    model_codecs = [WindowCodec(STATIC), ArithmeticCodec(STATIC)]
    assert all(isinstance(codec, ModelCodec) for codec in model_codecs)
    codebook_codec = CodebookCodec(Codebook.fit("some text", 9), 8)
    for codec in (*model_codecs, codebook_codec):
        assert isinstance(codec, Codec)
        for documents in (["some text", ""], [b"some text", b""]):
            batch = codec.encode_batch(documents)
            assert [t.tolist() for t in batch] == [codec.encode(d).tolist() for d in documents]
            assert list(codec.decode_batch(batch)) == [codec.decode(t) for t in batch]
        with pytest.raises(ValueError, match="token_bits of 1 to 16, found 0"):
            type(codec)(
                codebook_codec.codebook if codec is codebook_codec else STATIC, token_bits=0
            )


def test_the_coder_is_chosen_by_model_and_parameters() -> None:
    class Stepping:
        vocab_size, fingerprint = STATIC.vocab_size, STATIC.fingerprint

    def coder(model: object, **options: object) -> type:
        return type(WindowCodec(model, 32, **options)._coder)  # type: ignore[arg-type]

    assert coder(STATIC) is coder(MODELS["random"]) is WindowEngine
    assert coder(Stepping()) is coder(STATIC, reset_every=0) is LaneCoder
    assert coder(STATIC, variant="padded") is coder(Stepping(), variant="delay") is PaddedCoder


def test_broken_tokens() -> None:
    codec = WindowCodec(MODELS["random"], 32, 16)
    tokens = codec.encode("a truncated stream")
    with pytest.raises(
        FormatError, match=r"windows of 32 bits in tokens of 16: .* inside a window"
    ):
        codec.decode(tokens[:-1])
    with pytest.raises(TypeError, match="uint16 tokens, found uint32"):
        codec.decode(tokens.astype(np.uint32))
    with pytest.raises(ValueError, match="token 1: expected 0 to 65535, found 65536"):
        codec.decode([0, 65536])
    with pytest.raises(TypeError, match="integer tokens, found float64"):
        codec.decode([0.5])
    with pytest.raises(ValueError, match="token 1: does not fit token_bits"):
        WindowCodec(MODELS["random"], 16, 8).decode([3, 256])
    odd = WindowCodec(MODELS["random"], 24, 16)
    with pytest.raises(FormatError, match="bits after the last window are not zero"):
        odd.decode([1, 1])
    with pytest.raises(FormatError, match=r"expected UTF-8, found byte 0x.. at offset 0"):
        codec.decode(codec.encode(b"\xff\xfe"))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_broken_arithmetic_streams_are_noticed(data: st.DataObject) -> None:
    text = b"a stream that somebody has cut or changed"
    codec = ArithmeticCodec(data.draw(st.sampled_from([STATIC, MODELS["random"]])))
    tokens = codec.encode(text)
    kind = data.draw(st.sampled_from(["truncate", "extend", "flip"]))
    if kind == "truncate":
        broken = tokens[: data.draw(st.integers(0, len(tokens) - 1))]
    elif kind == "extend":
        broken = np.append(tokens, np.uint16(data.draw(st.integers(0, 65535))))
    else:
        broken = tokens.copy()
        broken[data.draw(st.integers(0, len(tokens) - 1))] ^= 1 << data.draw(st.integers(0, 15))
    try:
        decoded = codec.decode_bytes(broken)
    except FormatError:
        return
    # An empty stream is the empty text; anything else that passes is what the encoder writes for
    # it.
    assert decoded != text
    assert (codec.encode(decoded) == broken).all()


def test_models_that_misbehave() -> None:
    def codec_of(function: object) -> WindowCodec:
        return WindowCodec(FunctionModel(function, name="bad"), 16)  # type: ignore[arg-type]

    with pytest.raises(ModelError, match=r"shape \(1, 256\), .* shape \(0, 256\)"):
        codec_of(lambda c, n: np.zeros((0, 256), np.float32)).encode("x")
    with pytest.raises(ModelError, match=r"shape \(1, 256\), .* shape \(1, 255\)"):
        codec_of(lambda c, n: np.zeros((len(n), 255), np.float32)).encode("x")
    with pytest.raises(ModelError, match="answered with float64"):
        codec_of(lambda c, n: np.zeros((len(n), 256))).encode("x")
    with pytest.raises(ModelError, match="row 0: a logit is NaN"):
        codec_of(lambda c, n: np.full((len(n), 256), np.nan, np.float32)).encode("x")
    with pytest.raises(ModelError, match="DLPack array, found list"):
        codec_of(lambda c, n: [[0.0] * 256]).encode("x")
    with pytest.raises(ModelError, match="the model raised ZeroDivisionError: division by zero"):
        codec_of(lambda c, n: 1 / 0).encode("x")
    with pytest.raises(TypeError, match="expected a function, found int"):
        codec_of(3)


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r"lone surrogate U\+D800 at index 2"):
        WindowCodec(STATIC).encode("ab\ud800")
    with pytest.raises(TypeError, match="expected str or bytes, found int"):
        WindowCodec(STATIC).encode(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="token_bits of 1 to 16, found 17"):
        WindowCodec(STATIC, 32, 17)
    with pytest.raises(ValueError, match=r"token_bits up to window_bits \(12\) for padded"):
        WindowCodec(STATIC, 12, 16, variant="padded")
    for variant in ("Bijective", "delayed", None):
        with pytest.raises(ValueError, match="expected a variant among"):
            WindowCodec(STATIC, variant=variant)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="model over bytes"):
        WindowCodec(adversarial_model("equal", 16), 16).encode("x")
    with pytest.raises(ValueError, match="symbol number 0: not in the alphabet"):
        WindowCodec(adversarial_model("equal", 16), 16).encode_symbols([np.array([16], np.int32)])
    with pytest.raises(ValueError, match="at least 1 lane"):
        WindowCodec(STATIC, lanes=0)
    with pytest.raises(ValueError, match="reset_every of 0"):
        WindowCodec(STATIC, reset_every=-1)
    for options in ({"window_bits": 32.0}, {"window_bits": "32"}, {"reset_every": None}):
        with pytest.raises(
            TypeError, match=f"expected an integer for {next(iter(options))}, found"
        ):
            WindowCodec(STATIC, **options)  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match="precision of 12 to 24 bits for an alphabet of 256, found 8"
    ):
        ArithmeticCodec(STATIC, precision=8)
    with pytest.raises(ValueError, match="expected bijective windows to stream, found delay"):
        list(WindowCodec(STATIC, variant="delay").encode_stream([b"x"]))


def test_padded_windows_that_drop_more_than_they_have() -> None:
    codec = WindowCodec(STATIC, 32, 16, variant="padded")
    (tokens,) = codec.encode_symbols([[97, 98, 99]])
    assert codec.decode_symbols([tokens])[0].tolist() == [97, 98, 99]
    tokens[-2:] = 0xFFFF  # the last window says how many symbols to drop
    with pytest.raises(
        FormatError, match=r"^document 1: expected at most \d+ symbols to drop .* found 4294967295$"
    ):
        codec.decode_symbols([[], tokens])


def test_delayed_windows_that_no_text_has() -> None:
    codec = WindowCodec(StaticModel([3, 2, 1, 0]), 16, variant="delay")
    with pytest.raises(FormatError, match=r"^expected a codeword of a delayed window, found one"):
        codec.decode_symbols([np.uint16([31010, 33542, 49490])])


def test_windows_that_cannot_be_decoded_alone() -> None:
    codec = WindowCodec(STATIC, 32, 16)
    tokens = codec.encode("it was the best of times")
    assert codec.decode_windows(tokens, 1) == codec.decode_bytes(tokens[2:])
    assert codec.decode_windows(tokens, np.uint8(0), np.uint8(2)) == codec.decode_bytes(tokens[:4])
    with pytest.raises(ValueError, match=r"^expected bijective or delayed windows .* found padded"):
        WindowCodec(STATIC, 32, 16, variant="padded").decode_windows(tokens)
    for every, start in ((1, -1), (3, 2), (0, 1)):
        other = WindowCodec(STATIC, 32, 16, reset_every=every)
        message = rf"^expected start at a reset .* found window {start} with reset_every={every}$"
        with pytest.raises(ValueError, match=message):
            other.decode_windows(tokens, start)


def test_answers_that_are_not_remembered_cannot_be_prepared() -> None:
    for codec in (WindowCodec(STATIC, variant="padded"), WindowCodec(STATIC, reset_every=2)):
        with pytest.raises(UnsupportedError, match=r"^expected bijective windows with reset_every"):
            codec.prepare()


@pytest.mark.parametrize("codec", [WindowCodec(STATIC), ArithmeticCodec(STATIC)])
def test_several_texts_are_no_text(codec: ModelCodec) -> None:
    for several in (["a", "b"], ("a",), {"a"}, iter("ab")):
        with pytest.raises(TypeError, match=r"; use encode_batch for several texts$"):
            codec.encode(several)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^expected str or bytes, found int$"):
        codec.encode(5)  # type: ignore[arg-type]
