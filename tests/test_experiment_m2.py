"""M2: what it predicts, that runs repeat and resume, and what it can and cannot learn."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from eqinfo import shards
from eqinfo.embedding import loss
from eqinfo.embedding.loss import IGNORED
from eqinfo.errors import ChecksumError, UnsupportedError
from eqinfo.experiment import catalogue
from eqinfo.experiment.m2.checkpoints import load_m2
from eqinfo.experiment.m2.dataset import TokenDataset
from eqinfo.experiment.m2.learning import learn
from eqinfo.experiment.m2.network import Transformer
from eqinfo.experiment.m2.proxy import ProxySequences
from eqinfo.experiment.m2.sequences import (
    StreamSequences,
    TaskSequences,
    document_sequences,
)
from eqinfo.experiment.m2.sizes import SIZES
from eqinfo.experiment.m2.tasks import task
from eqinfo.experiment.m2.training import (
    M2Settings,
    batch_numbers,
    losses,
    paper_rate,
    rate,
    train,
)
from eqinfo.experiment.tokenizations.byte_streams import Bytes
from eqinfo.train.checkpoint import read_checkpoint, write_checkpoint
from example_cases import Program
from experiment_cases import SENTENCES, TRAINING, ngram
from torch_cases import LargestTensor

SETTINGS = M2Settings("toy", batch=4, learning_rate=1e-2, points=(0.5, 1.0))


def test_sizes_are_those_of_the_paper() -> None:
    # Table 4: layers, and millions of weights with a gated feed-forward layer.
    table = {"3m": (3, 3.1), "25m": (6, 25.2), "113m": (12, 113.2), "403m": (24, 402.7)}
    for name, (layers, millions) in {**table, "2b": (24, 1610.6)}.items():
        size = SIZES[name]
        assert size.paper
        assert (size.layers, round(size.parameters / 1e6, 1)) == (layers, millions)
    for name in ("toy", "paper-toy"):
        model = Transformer(10, 4, SIZES[name])
        matrices = [m for m in model.blocks.modules() if isinstance(m, torch.nn.Linear)]
        assert sum(m.weight.numel() for m in matrices) == SIZES[name].parameters


def test_the_papers_m2_is_trained_as_the_paper_says(tmp_path: Path) -> None:
    sequences = StreamSequences([np.arange(200) % 7], 8)
    settings = M2Settings("paper-toy", batch=4, steps=30, learning_rate=1e-2, points=(1.0,))
    path = tmp_path / "m2.pt"
    trained = train(sequences, 7, settings, checkpoint=path)
    assert trained.model.positions is None
    assert losses(trained.model, sequences)[0].mean() < 1.7  # from 1.95
    assert paper_rate(0) == paper_rate(1000) == 1
    assert paper_rate(4000) == 0.5
    model, _ = load_m2(path)
    tokens = torch.arange(7)[None]
    assert torch.equal(model.hidden(tokens), trained.model.hidden(tokens))


def test_sequences_hold_every_token_once() -> None:
    sequences = StreamSequences([np.arange(9), np.arange(3, dtype=np.uint16)], 2)
    inputs, targets = sequences.batch(np.arange(len(sequences)))
    assert inputs.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7], [0, 1]]
    assert targets.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8], [1, 2]]
    with pytest.raises(ValueError, match="more than 9 tokens, found at most 9"):
        StreamSequences([np.arange(9)], 9)
    for context in (0, -1):
        with pytest.raises(ValueError, match=f"context of 1 or more tokens, found {context}"):
            StreamSequences([np.arange(9)], context)


def test_sequences_of_documents_do_not_cross_their_ends() -> None:
    documents = [np.array([5, 6, 7]), np.array([], np.int64), np.array([7, 8, 9, 1])]
    sequences = document_sequences(documents, 256, 2)
    inputs, targets = sequences.batch(np.arange(len(sequences)))
    assert inputs.tolist() == [[256, 5], [256, 7], [8, 9]]
    assert targets.tolist() == [[5, 6], [7, 8], [9, 1]]


def test_tasks_predict_their_target_only() -> None:
    sequences = TaskSequences([np.array([1, 2])], [np.array([3, 4])], 9, 6)
    inputs, targets = sequences.batch(np.array([0]))
    assert inputs.tolist() == [[1, 2, 9, 3, 4, 9]]
    assert targets.tolist() == [[IGNORED, IGNORED, 3, 4, IGNORED, IGNORED]]


def test_an_untrained_model_finds_all_ids_alike() -> None:
    model = Transformer(8, 4, SIZES["toy"])
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    nats, right = losses(model, StreamSequences([np.arange(9) % 8], 4))
    assert nats == pytest.approx(np.full(8, np.log(8)))
    assert right.sum() == 1


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize(("rows", "z_loss"), [(1, 0.0), (7, 0.0), (50, 0.0), (7, 0.1)])
def test_the_loss_in_chunks_is_the_plain_one(
    rows: int, z_loss: float, dtype: torch.dtype, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss, "CHUNK_BYTES", rows * 4 * 37)
    random = torch.Generator().manual_seed(0)
    tensors = [torch.randn(n, 8, dtype=dtype, generator=random) for n in (50, 37)]
    targets = torch.randint(0, 37, (50,), generator=random)
    targets[::6] = IGNORED
    (hidden, weight), others = ([t.clone().requires_grad_() for t in tensors] for _ in range(2))
    found = loss.cross_entropy(hidden, weight, targets, z_loss)
    logits = others[0] @ others[1].T
    wanted = torch.nn.functional.cross_entropy(logits, targets)
    wanted = wanted + z_loss * logits.logsumexp(-1)[targets != IGNORED].square().mean()
    (3 * found).backward()
    (3 * wanted).backward()
    assert found.dtype == dtype
    assert found.item() == pytest.approx(wanted.item(), abs=tolerance)
    for one, other in zip((hidden, weight), others, strict=True):
        assert one.grad is not None
        torch.testing.assert_close(one.grad, other.grad, atol=tolerance, rtol=0)
    everything = torch.full((50,), IGNORED)
    assert loss.cross_entropy(hidden, weight, everything).isnan()


def test_the_loss_in_chunks_under_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "CHUNK_BYTES", 7 * 4 * 37)
    random = torch.Generator().manual_seed(0)
    hidden, weight = (torch.randn(n, 8, generator=random).requires_grad_() for n in (50, 37))
    targets = torch.randint(0, 37, (50,), generator=random)
    with torch.autocast("cpu", torch.bfloat16):
        found = loss.cross_entropy(hidden, weight, targets)
    wanted = torch.nn.functional.cross_entropy(hidden @ weight.T, targets)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(wanted.item(), rel=0.01)
    found.backward()
    (gradient,) = torch.autograd.grad(wanted, weight)
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, gradient, atol=0.01, rtol=0)


def test_no_step_has_all_logits_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "CHUNK_BYTES", 1 << 16)
    vocab_size, context = 1024, 8
    sequences = StreamSequences([np.arange(16 * context + 1)], context)
    with LargestTensor() as largest:
        trained = train(sequences, vocab_size, M2Settings("toy", batch=16, steps=1))
        losses(trained.model, sequences)
    assert largest.elements == trained.model.embedding.weight.numel()
    assert largest.elements < 16 * context * vocab_size // 2


def test_every_sequence_comes_once_per_pass() -> None:
    first = np.concatenate([batch_numbers(12, SETTINGS, step) for step in range(3)])
    second = np.concatenate([batch_numbers(12, SETTINGS, step) for step in range(3, 6)])
    assert sorted(first) == sorted(second) == list(range(12))
    assert first.tolist() != second.tolist()
    assert rate(0) < rate(0.02) == rate(0.7) > rate(1.0)


def test_a_run_repeats_and_resumes_from_its_checkpoint(tmp_path: Path) -> None:
    sequences = StreamSequences([np.arange(400) % 7], 8)
    checkpoint = tmp_path / "m2.pt"

    class StoppedError(Exception):
        pass

    def stop(done: int, total: int | None) -> None:
        if total is not None and done == total - 1:
            raise StoppedError

    whole = train(sequences, 7, SETTINGS, measure=lambda _, step: step)
    with pytest.raises(StoppedError):
        train(
            sequences,
            7,
            SETTINGS,
            checkpoint=checkpoint,
            measure=lambda _, step: step,
            progress=stop,
        )
    steps: list[int] = []
    again = train(
        sequences,
        7,
        SETTINGS,
        checkpoint=checkpoint,
        measure=lambda _, step: step,
        progress=lambda done, _: steps.append(done),
    )
    assert steps[0] > 1
    assert whole.points == again.points == [6, 12]
    for a, b in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(a, b)
    with pytest.raises(
        ValueError, match=r"a run with vocab_size = 8, found vocab_size = 7; resume"
    ):
        train(sequences, 8, SETTINGS, checkpoint=checkpoint)
    with pytest.raises(ValueError, match=r"expected seed of 0 to 2\^63 - 1, found"):
        replace(SETTINGS, seed=1 << 63)
    data = bytearray(checkpoint.read_bytes())
    data[len(data) // 2] ^= 1
    checkpoint.write_bytes(data)
    with pytest.raises(ChecksumError, match="the file is truncated or altered; resume from a copy"):
        train(sequences, 7, SETTINGS, checkpoint=checkpoint)
    with pytest.raises(ValueError, match="expected at least 4 sequences, one batch, found 1"):
        train(StreamSequences([np.arange(9)], 8), 9, SETTINGS)


def test_a_model_knows_the_text_of_its_tokens(tmp_path: Path) -> None:
    """Half of the tokens never come in training, but their text is nearly that of the others."""
    words = [bytes([byte]) + b"xyz" for byte in range(97, 107)]
    strings = [b"", *words, *(b" " + word for word in words)]
    order = np.arange(600) % 10 + 1
    seen, unseen = StreamSequences([order], 8), StreamSequences([order[:41] + 10], 8)

    def trained(strings: list[bytes] | None, name: str) -> Transformer:
        return train(seen, 22, SETTINGS, strings=strings, checkpoint=tmp_path / name).model

    plain, knowing = trained(None, "plain"), trained(strings, "text")
    assert losses(knowing, unseen)[0].mean() < losses(plain, unseen)[0].mean()
    again = trained(strings, "text")
    for one, other in zip(knowing.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    for others, name in ((strings[:-1], "text"), (None, "text"), (strings, "plain")):
        with pytest.raises(ValueError, match="expected a checkpoint of"):
            trained(others, name)


def test_bytes_are_learned_and_an_arithmetic_code_is_not() -> None:
    texts = TRAINING * 4
    methods = catalogue(ngram())
    plain = learn(TokenDataset.encode(Bytes(), texts, TRAINING[:2]), SETTINGS, 64)
    static = methods["StaticAC[8]"].train(TRAINING)
    coded = learn(TokenDataset.encode(static, texts, [SENTENCES[3] * 30]), SETTINGS, 64)
    assert [point.tokens for point in plain.points] == sorted(p.tokens for p in plain.points)
    assert plain.points[-1].bits_per_byte < plain.unigram < 0.6 * plain.uniform
    assert coded.points[-1].bits_per_byte > 0.9 * coded.uniform
    assert plain.flops_per_byte == pytest.approx(
        2 * SIZES["toy"].parameters / plain.bytes_per_token
    )


def test_positions_in_a_window_are_measured_separately() -> None:
    tokenization = catalogue(ngram())["EqualInfo[16, 8]"].train([])
    found = learn(TokenDataset.encode(tokenization, TRAINING * 2, TRAINING[:1]), SETTINGS, 64)
    assert len(found.points[0].accuracy) == 2


def test_a_sequence_is_a_window_at_least() -> None:
    tokenization = catalogue(ngram())["EqualInfo[32, 8]"].train([])
    found = learn(TokenDataset.encode(tokenization, TRAINING, TRAINING[:1]), SETTINGS, 1)
    last = found.points[-1]
    assert last.tokens % 4 == 0
    assert len(last.accuracy) == 4
    assert not any(map(math.isnan, last.accuracy))


def test_a_source_says_what_the_target_begins_with() -> None:
    texts = [str(np.random.default_rng(seed).choice(["aaaa", "bbbb"])) for seed in range(440)]
    settings = M2Settings("toy", batch=20, steps=60, learning_rate=1e-2)
    without = task(None, Bytes(), texts[:400], texts[400:], settings)
    copied = task(Bytes(), Bytes(), texts[:400], texts[400:], settings)
    assert without.accuracy < 0.95 < copied.accuracy


def test_a_share_of_the_text_is_bytes() -> None:
    tokens = np.arange(2001) % 3  # 0 is "a", 1 "bb", 2 "ccc"
    texts = [b"a", b"bb", b"ccc"]

    def to_bytes(ids: np.ndarray) -> bytes:
        return b"".join(texts[id_] for id_ in ids)

    for share in (0.0, 0.25, 1.0):
        sequences = ProxySequences([tokens], to_bytes, 20, 3, share, seed=1)
        inputs, targets = sequences.batch(np.arange(len(sequences)))
        assert inputs[:, 1:].tolist() == targets[:, :-1].tolist()
        raw = inputs[:, 0] == 12
        assert set(inputs[~raw, 0]) <= {14}
        assert sequences.vocab_size == 64 + 256 + 3
        seen = to_bytes(targets[~raw].flatten() - 64 - 256)
        bytes_ = (targets[raw] - 64).astype(np.uint8).tobytes()
        assert abs(len(bytes_) / len(to_bytes(tokens)) - share) < 0.1
        whole = len(to_bytes(tokens[1:]))
        assert whole - 20 < len(seen) + len(bytes_) <= whole
    with pytest.raises(ValueError, match="share of 0 to 1, found 2"):
        ProxySequences([tokens], to_bytes, 20, 3, 2)
    with pytest.raises(ValueError, match="a sequence of 5 bytes, found 0"):
        ProxySequences([np.arange(6)], lambda ids: b"", 5, 6, 1)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 0.5, 0.6, 1.0])
def test_pairs_are_a_text_in_both_forms(share: float) -> None:
    texts = [b"a", b"bb", b"", b"dddd"]
    tokens = np.random.default_rng(0).integers(0, 4, 8001)

    def to_bytes(ids: np.ndarray) -> bytes:
        return b"".join(texts[id_] for id_ in ids)

    sequences = ProxySequences([tokens], to_bytes, 20, 4, share, seed=1, pairs=True)
    inputs, targets = sequences.batch(np.arange(len(sequences)))
    assert (inputs >= 0).all()
    read = {"raw": b"", "compressed": b"", "raw first": b"", "compressed first": b""}
    for first, row in zip(inputs[:, 0].tolist(), targets.tolist(), strict=True):
        ids = [first, *(id_ for id_ in row if id_ != IGNORED)]
        ends = [ids.index(mark) for mark in (13, 15) if mark in ids]
        if not ends:  # one form only
            assert first in (12, 14)
            assert all(id_ >= 64 for id_ in ids[1:])
            name = "raw" if first == 12 else "compressed"
        else:
            name = "raw first" if first == 12 else "compressed first"
            assert ids[min(ends) + 1] == (14 if first == 12 else 12)
            assert max(ends) == len(ids) - 1
        raw = bytes(id_ - 64 for id_ in ids if 64 <= id_ < 320)
        text = to_bytes(np.array([id_ - 320 for id_ in ids if id_ >= 320], int))
        assert not ends or raw == text
        read[name] += raw if first == 12 else text
    size = {name: len(text) for name, text in read.items()}
    pairs = size["raw first"] + size["compressed first"]
    raw_forms, forms = size["raw"] + pairs, sum(size.values()) + pairs
    assert raw_forms / forms == pytest.approx(share, abs=0.06)
    assert size["raw first"] == pytest.approx(size["compressed first"], rel=0.25)
    with pytest.raises(ValueError, match="context of 8 or more for pairs with a token of 4 bytes"):
        ProxySequences([tokens], to_bytes, 7, 4, 0.5, pairs=True)


def test_the_example_trains_on_shards_and_resumes(program: Program, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("".join(TRAINING * 5))
    shards.tokenize([text], tmp_path / "shards", "en-4k")
    count = len(shards.open(tmp_path / "shards").shards[0].tokens)
    options = ["--size=toy", "--context=16", "--batch=4", "--points=2", "--held-out=99"]

    def train_m2(name: str, *more: str) -> str:
        printed, _ = program(
            "train_m2", tmp_path / "shards", "-o", tmp_path / name, *options, *more
        )
        return printed

    assert train_m2("m2").count("bits per byte") == 2
    done = program("train_m2", tmp_path / "shards", "-o", tmp_path / "m2", *options)
    assert (done[0], done[1].count("steps are done")) == ("", 1)
    wrong = {
        "--rate=0": "learning_rate > 0",
        "--rate=nan": "learning_rate > 0",
        "--seed=-1": "expected seed of 0 to",
        "--device=foo": "expected a device that PyTorch can use",
    }
    for option, message in wrong.items():
        command = [tmp_path / "shards", "-o", tmp_path / "new", "--held-out=999", option]
        assert message in program("train_m2", *command)[1]
        assert not (tmp_path / "new").exists()
    assert (
        "No such folder"
        in program("train_m2", tmp_path / "shards", "-o", tmp_path / "a" / "b", *options)[1]
    )
    held_out = {
        ("--held-out=99999999",): "below the ",
        ("--held-out=99",): "expected --held-out of 512 (--context) or more tokens",
        (f"--held-out={count - 9}", "--context=16"): "besides those of --held-out, found at most 8",
    }
    for more, message in held_out.items():
        assert message in program("train_m2", tmp_path / "shards", "-o", tmp_path / "new", *more)[1]
    for option in ("--points=0", "--points=-1", "--context=0", "--held-out=0", "--batch=0"):
        _, error = program("train_m2", tmp_path / "shards", "-o", tmp_path / "new", option)
        name, _, value = option.partition("=")
        assert f"expected {name} of 1 or more, found {value}" in error
    both = ["--raw-share=0.2", "--embedding=text", "--pairs"]
    assert train_m2("mixed", *both).count("bits per byte of raw bytes") == 2


def test_a_checkpoint_is_not_resumed_with_other_sequences(tmp_path: Path) -> None:
    tokens, path = np.arange(400) % 7, tmp_path / "m2.pt"
    settings = replace(SETTINGS, steps=2)
    train(StreamSequences([tokens], 8), 7, settings, checkpoint=path)
    train(StreamSequences([tokens.astype(np.uint16)], 8), 7, settings, checkpoint=path)
    changed = tokens.copy()
    changed[200] = 0
    for others in (changed, tokens[:380], tokens[::-1]):
        with pytest.raises(ValueError, match="expected the 49 sequences that this M2 was trained"):
            train(StreamSequences([others], 8), 7, settings, checkpoint=path)
    content = read_checkpoint(path, "eqinfo-m2")
    del content["key"]["sequences"]
    write_checkpoint(path, "eqinfo-m2", content)
    with pytest.raises(ValueError, match="found none, as eqinfo wrote them before; finish the run"):
        train(StreamSequences([tokens], 8), 7, settings, checkpoint=path)


@pytest.mark.parametrize(
    "points", [(), (0.5,), (1.0, 0.5), (0.5, 0.5, 1.0), (0.0, 1.0), (math.nan, 1.0), (1.0, 2.0)]
)
def test_points_end_with_the_training(points: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="points that ascend from above 0 to 1"):
        M2Settings("toy", points=points)


def test_settings_are_a_size_that_there_is_and_python_s_numbers() -> None:
    with pytest.raises(ValueError, match=r"^expected a size among .*, found 'huge'$"):
        M2Settings("huge")
    given = M2Settings("toy", batch=np.int64(4), steps=np.uint8(30), seed=np.int64(3))
    assert repr(given) == repr(M2Settings("toy", batch=4, steps=30, seed=3))
    given = M2Settings("toy", learning_rate=np.float32(0.25), points=tuple(np.array([0.5, 1.0])))
    assert repr(given) == repr(M2Settings("toy", learning_rate=0.25, points=(0.5, 1.0)))
    with pytest.raises(TypeError, match=r"^expected a number for learning_rate, found str$"):
        M2Settings("toy", learning_rate="1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^expected a number for points, found str$"):
        M2Settings("toy", points=("1",))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch": 0},
        {"steps": -1},
        {"learning_rate": 0.0},
        {"learning_rate": math.nan},
        {"learning_rate": math.inf},
        {"seed": -1},
        {"seed": 1 << 63},
    ],
)
def test_settings_out_of_range(wrong: dict[str, float]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=rf"^expected .*{name} .*found .*{value}"):
        M2Settings("toy", **wrong)  # type: ignore[arg-type]


def test_processes_share_a_batch_equally(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = StreamSequences([np.arange(400) % 7], 8)
    monkeypatch.setattr("eqinfo.train.processes.count", lambda: 3)
    with pytest.raises(ValueError, match="a multiple of the 3 processes, found 4 sequences"):
        train(sequences, 7, SETTINGS)


def test_what_training_cannot_use_is_said_before_it_begins(tmp_path: Path) -> None:
    sequences, path = StreamSequences([np.arange(400) % 7], 8), tmp_path / "m2.pt"

    def steps(number: int, total: int | None) -> None:
        raise AssertionError

    with pytest.raises(FileNotFoundError, match="No such folder"):
        train(sequences, 7, SETTINGS, checkpoint=tmp_path / "absent" / "m2.pt", progress=steps)
    for device in ("foo", "", "cpu:x", "meta", "mkldnn", "privateuseone"):
        with pytest.raises(UnsupportedError, match=f"such as 'cpu' or 'cuda', found '{device}'"):
            train(sequences, 7, SETTINGS, device=device, progress=steps)
    for seconds in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"0 or more seconds per checkpoint, found"):
            train(sequences, 7, SETTINGS, checkpoint_seconds=seconds, progress=steps)
    train(sequences, 7, SETTINGS, checkpoint=path)
    with pytest.raises(UnsupportedError, match="such as 'cpu' or 'cuda', found 'foo'"):
        load_m2(path, "foo")


def test_the_digest_is_of_all_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    one = StreamSequences([np.arange(100) % 7], 8)
    monkeypatch.setattr("eqinfo.experiment.m2.sequences._DIGESTED_AT_ONCE", 5)
    again = StreamSequences([np.arange(100, dtype=np.uint16) % 7], 8)
    assert again.digest() == one.digest()
    pairs = [([np.array([1])], [np.array([2])]), ([np.array([1])], [np.array([3])])]
    texts, targets = (TaskSequences(*pair, 9, 6).digest() for pair in pairs)
    assert texts != targets


def test_the_example_does_not_resume_with_other_data(program: Program, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    for name, parts in (("one", TRAINING * 5), ("other", TRAINING[1:] * 6)):
        text.write_text("".join(parts))
        shards.tokenize([text], tmp_path / name, "en-4k")
    options = ["--size=toy", "--context=16", "--batch=4", "--points=1", "--steps=2"]

    def train_m2(folder: str, *more: str) -> str:
        out = tmp_path / f"{'raw' if len(more) > 1 else 'plain'}.pt"
        return program("train_m2", tmp_path / folder, "-o", out, *options, *more)[1]

    assert "expected" not in train_m2("one", "--held-out=99")
    assert "expected" not in train_m2("one", "--held-out=99")
    for folder, held_out in (("other", 99), ("one", 200)):
        assert "sequences that this M2 was" in train_m2(folder, f"--held-out={held_out}")
    train_m2("one", "--held-out=99", "--raw-share=0.1")
    for more in (["--raw-share=0.9"], ["--raw-share=0.1", "--pairs"]):
        assert "sequences that this M2 was" in train_m2("one", "--held-out=99", *more)
