"""What the results of learnability.py rest on: every token is counted, once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from common import peer
from contestants import EMBEDDINGS, MAKERS
from eqinfo.embedding.text_features import texts_of
from eqinfo.experiment.m2.network import Transformer
from eqinfo.experiment.m2.sizes import SIZES
from eqinfo.experiment.m2.training import M2Settings
from information import LEVELS, levels
from kronecker import SCALE, KroneckerEmbedding
from learnability import Study, arguments, is_wanted, runs, work, work_together
from learnability_data import Texts
from learnability_run import Run
from run_queue import Result, RunQueue
from subword_tables import byte_level_characters
from tables import Table
from tiny_lm import END, Point, measure, stream, train

SETTINGS = M2Settings("toy", batch=2, learning_rate=2e-3, points=(0.5, 1.0))

torch.set_num_threads(1)


NAMES = [name for name in MAKERS if not name.startswith("phrase") and name != "bpe-longest"]
"""Tables that little text is enough for."""


class Uniform(Transformer):
    """A model to which all tokens are equally probable."""

    def loss(self, tokens: Tensor, targets: Tensor, z_loss: float = 0.0) -> Tensor:
        """Return the entropy of 64 tokens."""
        return torch.tensor(64.0).log()


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 1000])
def test_every_token_and_the_end_are_counted_once(length: int) -> None:
    model = Uniform(64, 8, SIZES[SETTINGS.size])
    text = np.arange(length) % 63 + 1
    assert measure(model, text, 8) == pytest.approx(6 * (length + 1))


def test_stream_puts_an_end_around_every_document() -> None:
    documents = [np.array([5, 6]), np.array([], np.int64), np.array([7])]
    assert stream(documents).tolist() == [END, 5, 6, END, END, 7, END]


def test_a_model_learns_and_repeats_itself() -> None:
    documents = [np.tile(np.array([1, 2, 3, 4]), 100) for _ in range(8)]
    runs = [
        train(
            documents,
            documents[:1],
            vocabulary=8,
            train_bytes=3200,
            context_bytes=8,
            settings=replace(SETTINGS, seed=seed),
            log=lambda point: None,
        )
        for seed in (0, 0, 1)
    ]
    assert runs[0] == runs[1] != runs[2]
    half, end = runs[0]
    assert end.held_out_bits[0] < half.held_out_bits[0] < 400 * 3
    assert end.train_bytes == 3200


def test_a_run_that_was_killed_goes_on_from_its_last_measurement(tmp_path: Path) -> None:
    documents = [np.tile(np.array([1, 2, 3, 4]), 20)] * 2
    seen: list[int] = []

    def run(checkpoint: Path, killed: bool) -> list[Point]:
        def log(point: Point) -> None:
            seen.append(point.train_bytes)
            if killed and point.train_bytes == 160:
                raise KeyboardInterrupt

        return train(
            documents,
            documents[:1],
            vocabulary=8,
            train_bytes=160,
            context_bytes=8,
            settings=SETTINGS,
            log=log,
            checkpoint=checkpoint,
        )

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", killed=True)
    resumed = run(tmp_path / "killed", killed=False)
    half = seen[0]
    assert seen == [half, 160, 160]
    assert resumed == run(tmp_path / "whole", killed=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_table_knows_the_text_of_its_tokens(name: str) -> None:
    text = ("It was the best of times, it was the worst of times: naïve 漢字.\n" * 9).encode()
    table = MAKERS[name]([text], 12 if name.startswith("windows") else 9)
    if table is None:
        pytest.skip("needs tokenizers and sentencepiece")
    strings = texts_of(table.strings)
    assert len(strings) == table.vocabulary**table.window_tokens
    assert strings.bytes_at(END) == b""
    codewords = table.encode(text).reshape(-1, table.window_tokens) @ [
        table.vocabulary**place for place in reversed(range(table.window_tokens))
    ]
    joined = b"".join(strings.bytes_at(codeword) for codeword in codewords)
    if table.encode_train is not None:
        sampled = table.encode_train(text)
        assert len(sampled) > len(table.encode(text))
        assert b"".join(strings.bytes_at(token) for token in sampled) == text
    if name == "windows-padded":  # its last token says where the text ends
        assert joined.startswith(text)
    else:
        assert joined == text


@pytest.mark.parametrize("name", ["bpe", "superbpe", "unigram"])
def test_a_trained_table_is_the_same_every_time(name: str) -> None:
    text = " ".join(f"the {k} quick brown foxes of {k % 7} dogs" for k in range(2000)).encode()
    first, second = (MAKERS[name]([text], 9) for _ in range(2))
    if first is None or second is None:
        pytest.skip("needs tokenizers and sentencepiece")
    assert list(first.strings) == list(second.strings)
    assert first.encode(text).tolist() == second.encode(text).tolist()


def test_the_byte_level_alphabet_is_that_of_tokenizers() -> None:
    tokenizers = peer("tokenizers")
    if tokenizers is None:
        pytest.skip("tokenizers is not installed")
    characters = byte_level_characters()
    assert sorted(characters) == sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    pre_tokenize = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str
    for byte in range(128):
        assert "".join(piece for piece, _ in pre_tokenize(chr(byte))) == characters[byte]


@pytest.mark.parametrize("name", ["kronecker", "id-bits", "information", "text-information"])
def test_embeddings_of_the_benchmark(name: str) -> None:
    strings = [b"", *(bytes([byte]) for byte in range(97, 108)), b"ab", b"ba", b"abc"]
    table = Table("", len(strings), lambda text: np.zeros(0, np.int64), strings)
    torch.manual_seed(0)
    embedding = EMBEDDINGS[name](table)(16, 6)
    weight = embedding.weight
    assert weight.shape == (16, 6)
    ids = torch.tensor([[1, 12], [13, 0]])
    assert torch.equal(embedding(ids), weight[ids])
    weight.square().sum().backward()
    assert all(parameter.grad is not None for parameter in embedding.parameters())


def test_the_control_has_the_texts_of_other_tokens() -> None:
    strings = [b"", *(bytes([byte]) for byte in range(97, 127))]
    table = Table("", len(strings), lambda text: np.zeros(0, np.int64), strings)
    text, control = (EMBEDDINGS[name](table)(31, 6) for name in ("text", "text-shuffled"))
    with torch.no_grad():
        for embedding in (text, control):
            embedding.own.zero_()
        control.features.copy_(text.features)
        assert torch.equal(control.weight[END], torch.zeros(6))
        moved = (control.weight != text.weight).any(-1)
        assert moved.sum() > 20
        assert sorted(control.weight.tolist()) == sorted(text.weight.tolist())


def test_levels_of_information_follow_the_model() -> None:
    strings = [b"", b"the ", b"and ", b"zq", b"qzxj", *(bytes([byte]) for byte in range(32, 127))]
    found = levels(strings)
    assert found[0] == 0 == found.min()
    assert found[1] < found[3] == found[4] == found.max() == LEVELS - 1
    assert np.bincount(found).max() <= 5  # of 100


def test_the_kronecker_product_is_that_of_the_definition() -> None:
    embedding = KroneckerEmbedding([b"", b"ba"], 3, 6)
    products = [
        torch.outer(embedding.places[place], embedding.bytes[byte]).flatten()
        for place, byte in enumerate(b"ba")
    ]
    torch.testing.assert_close(embedding.weight[1], sum(products) @ embedding.map * SCALE)
    for row in (0, 2):
        assert torch.equal(embedding.weight[row], embedding.without_text[0])


@pytest.mark.parametrize("embedding", ["plain", "text"])
def test_windows_of_two_tokens_are_learned(embedding: str) -> None:
    text = b"It was the best of times, it was the worst of times. " * 40
    table = MAKERS["windows-2"]([text], 12)
    assert table is not None
    (point,) = train(
        [table.encode(text)] * 4,
        [table.encode(text[:530])],
        vocabulary=table.vocabulary,
        train_bytes=4 * len(text),
        context_bytes=40,
        settings=replace(SETTINGS, points=(1.0,)),
        log=lambda point: None,
        make_embedding=EMBEDDINGS[embedding](table),
        window_tokens=table.window_tokens,
    )
    uniform = 6 * (len(table.encode(text[:530])) + 2)
    assert point.held_out_bits[0] < uniform / 2


def test_runs_begin_with_the_cheapest_and_with_the_first_seed() -> None:
    words = "--toy --tables bpe windows-2 bytes --embedding plain kronecker --seeds 2"
    options = arguments([*words.split(), "--ids", "12", "10", "--train-bytes", "3000", "1000"])
    study = Study(Texts("", [b"x"], [b"x"]), {})
    found = [(run.train_bytes, run.bits, run.seed, run.table) for run in runs(options, study)]
    assert found == sorted(found, key=lambda run: (run[0], max(run[1], 12), run[2]))
    assert len(found) == len(set(runs(options, study))) == 2 * 2 * (2 * 2 + 2 * 1 + 2)
    assert len({run.name for run in runs(options, study)}) == len(found)


def test_several_workers_find_what_one_does(tmp_path: Path) -> None:
    found = []
    for workers in (1, 3):
        words = f"--toy --tables bytes word --embedding plain --seeds 2 --workers {workers}"
        options = arguments([*words.split(), "--train-bytes", "9000", "8000"])
        queue = RunQueue(tmp_path / str(workers))
        text = b"It was the best of times, it was the worst of times. " * 4000
        study = Study(Texts("", [text[:90_000], text[90_000:]], [text[:500]]), {})
        (work_together if workers > 1 else work)(study, queue, options)
        found.append([{**result, "seconds": 0.0} for result in queue.results()])
    assert found[0] == found[1]
    assert len(found[0]) == 8


def test_results_at_the_default_rate_keep_their_names() -> None:
    run = Run("0a", "bpe", "", 1000, 12, "plain", "cpu", 2000, 1)
    assert run.name == "bpe-12-plain-cpu-2000-1-ea5ac41448c70d04"
    other = replace(run, learning_rate=1e-3)
    assert other.name.startswith("bpe-12-plain-cpu-2000-1-rate0.001-")
    others = [other, replace(run, batch=9), replace(run, device="cuda")]
    assert len({each.name.rpartition("-")[2] for each in (run, *others)}) == 4


def test_the_first_seed_tries_all_rates_and_the_others_run_at_the_best(tmp_path: Path) -> None:
    words = "--toy --tables bytes --embedding plain text --seeds 3 --learning-rates 0.003 0.01"
    options = arguments(words.split())
    queue = RunQueue(tmp_path)
    done: list[tuple[str, int, float]] = []

    class Fake(Study):
        def table(self, name: str, bits: int, table_bytes: int) -> Table:
            return Table("", 2, lambda text: np.zeros(0, np.int64), [])

        def train(self, run: Run, table: Table, checkpoint: Path) -> Result:
            done.append((run.embedding, run.seed, run.learning_rate))
            worse = (run.learning_rate == 0.01) == (run.embedding == "text")
            settings = {"learning_rate": run.learning_rate}
            return {"points": [[1, 3.0 + worse]], "settings": settings}

    study = Fake(Texts("", [b"x"], [b"x"]), {})
    busy = next(run for run in runs(options, study) if run.embedding == "text")
    with queue._claim(busy.name):  # by another process
        work(study, queue, options)
    picked = [("plain", 0, 0.003), ("plain", 0, 0.01), ("text", 0, 0.01), ("plain", 1, 0.01)]
    assert done == [*picked, ("plain", 2, 0.01)]
    assert not is_wanted(replace(busy, seed=1), queue, options.learning_rates)
    work(study, queue, options)
    assert done[5:] == [("text", 0, 0.003), ("text", 1, 0.003), ("text", 2, 0.003)]
    with pytest.raises(SystemExit):
        arguments(["--learning-rates", "0"])
