"""From M1 to the samples of an M2 by commands: shards of any method, training, sampling."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="needs the extra torch")

import torch

from eqinfo import shards
from eqinfo.cli import main
from eqinfo.errors import FormatError, ModelError, ModelMismatchError
from eqinfo.experiment import MethodEncoder, open_shards
from eqinfo.experiment.m2.checkpoints import load_m2
from eqinfo.experiment.m2.network import Cache, Transformer
from eqinfo.experiment.m2.sampling import SampleSettings, TextStream, sample
from eqinfo.experiment.m2.sequences import StreamSequences
from eqinfo.experiment.m2.serving import serving_costs
from eqinfo.experiment.m2.shard_tokens import ShardTokens
from eqinfo.experiment.m2.sizes import SIZES
from eqinfo.experiment.m2.training import M2Settings, train
from eqinfo.models.paper import PaperTransformer, Sizes, save
from example_cases import Program
from experiment_cases import DOCUMENTS, ngram


def eqinfo_command(*arguments: str | Path) -> str:
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.output


def test_from_an_m1_of_ones_own_to_a_sample(program: Program, tmp_path: Path) -> None:
    sizes = Sizes(width=16, heads=1, head_width=16, layers=1, hidden=16, context=32)
    m1 = tmp_path / "own.model"
    torch.manual_seed(0)  # so that the sample below does not end inside a window
    save(PaperTransformer(sizes), m1, {})
    text = tmp_path / "text.txt"
    text.write_text(DOCUMENTS[2] * 2)  # a float M1 is slow
    out, m2 = tmp_path / "shards", tmp_path / "m2.pt"
    assert "\x1b[" in eqinfo_command("inspect", text, "-m", m1, "--window-bits", 32, "--colour")
    options = ["--method", "windows", "--window-bits", "32", "--token-bits", "8"]
    eqinfo_command("tokenize", text, "-o", out, "-m", m1, *options)
    toy = ["--size=toy", "--context=8", "--batch=4", "--points=1", "--held-out=50", "--steps=3"]
    trained, _ = program("train_m2", out, "-o", m2, *toy)  # needs no M1
    assert trained.count("%") == 4  # one for each token of a window
    command = ["sample_m2", m2, out, "--max-tokens=40", "--prompt=It was"]
    assert "expected the M1" in program(*command)[1]
    first, second = (program(*command, "--model", m1) for _ in range(2))
    assert first[0] == second[0] != ""
    assert "40 steps" in first[1]
    cut = ["sample_m2", m2, out, "--prompt=It was", "--model", m1]
    for limit in (1, 38, 39):  # of four tokens per window
        text_of_limit, said = program(*cut, f"--max-tokens={limit}")
        assert f"in {limit} steps" in said
        assert first[0].startswith(text_of_limit.rstrip("\n"))
    for limit in (0, -3):
        refused = program(*cut, f"--max-tokens={limit}")
        assert refused[0] == ""
        assert f"expected --max-tokens of 1 or more, found {limit}" in refused[1]
    other = tmp_path / "other"
    shards.tokenize([text], other, MethodEncoder("Bytes"))
    _, wrong = program("train_m2", other, "-o", m2, *toy)
    assert "expected tokens of EqualInfo[32, 8]" in wrong
    assert "found Bytes" in wrong
    assert "give shards that `eqinfo tokenize` made" in wrong
    assert "expected tokens of EqualInfo" in program("sample_m2", m2, other)[1]
    _, wrong = program("train_m2", other, "-o", "new", "--raw-share=0.5")
    assert "make shards without --method" in wrong


def toy(vocab_size: int, context: int = 16) -> Transformer:
    torch.manual_seed(0)
    return Transformer(vocab_size, context, SIZES["toy"])


@pytest.mark.parametrize("size", ["toy", "paper-toy"])
def test_a_cache_changes_no_prediction(size: str) -> None:
    model, tokens = Transformer(50, 16, SIZES[size]), torch.arange(12)[None] * 7 % 50
    whole = model.hidden(tokens)
    cache = Cache()
    parts = [model.hidden(tokens[:, :5], cache)]
    parts += [model.hidden(tokens[:, at : at + 1], cache) for at in range(5, 12)]
    torch.testing.assert_close(torch.cat(parts, 1), whole)


def drawn(count: int, **settings: float) -> list[int]:
    tokens = sample(toy(50), [3], SampleSettings(**settings), allowed=40)  # type: ignore[arg-type]
    return [token for token, _ in zip(tokens, range(count), strict=False)]


def test_draws_repeat_and_obey_their_settings() -> None:
    free = drawn(100)
    assert free == drawn(100) != drawn(100, seed=1)
    assert max(free) < 40
    assert len(set(free)) > 20
    greedy = drawn(100, temperature=0)
    assert greedy == drawn(100, top_p=1e-9) == drawn(100, top_p=1e-9, seed=1)
    firsts = {p: {drawn(1, top_p=p, seed=seed)[0] for seed in range(100)} for p in (0.2, 1.0)}
    assert len(firsts[0.2]) <= 9  # of 40 that are about equally probable
    assert len(firsts[1.0]) > 20
    for temperature in (1e-320, 1e-9):
        assert drawn(100, temperature=temperature) == greedy
    outside = [{"temperature": value} for value in (-1, math.nan, math.inf)]
    for bad in (*outside, {"top_p": 0}, {"top_p": math.nan}):
        with pytest.raises(ValueError, match="expected temperature >= 0"):
            SampleSettings(**bad)  # type: ignore[arg-type]
    for seed in (-1, 1 << 63):
        with pytest.raises(ValueError, match=f"^expected seed of 0 .*, found {seed}$"):
            SampleSettings(seed=seed)


def test_a_model_that_has_diverged_is_not_sampled() -> None:
    model = toy(50)
    torch.nn.init.constant_(model.embedding.weight, math.nan)
    for temperature in (0.0, 1.0):
        with pytest.raises(ModelError, match="train it with a lower rate"):
            next(sample(model, [3], SampleSettings(temperature), allowed=40))


@pytest.mark.parametrize(
    "name", ["Bytes", "EqualInfo[16, 8]", "EqualInfo[20, 8] never reset", "EqualInfo[16, 8] word"]
)
def test_streamed_text_has_whole_characters_only(name: str) -> None:
    tokenization = MethodEncoder(name, ngram()).tokenization

    def decode(ids: np.ndarray) -> bytes:
        if tokenization.piece_ids:
            return tokenization.decode_piece(ids)
        return tokenization.decode(ids).encode()

    stream = TextStream(decode, tokenization.piece_ids)
    parts = [stream.push(token) for token in tokenization.encode(DOCUMENTS[3]).tolist()]
    assert "".join(parts) + stream.finish() == DOCUMENTS[3]
    assert stream.left_out == 0
    assert stream.text_bytes == len(DOCUMENTS[3].encode())
    assert bool(tokenization.piece_ids) == any(parts[:-1])


@pytest.mark.parametrize("name", ["EqualInfo[32, 8]", "EqualInfo[32, 8] reset every 3"])
def test_a_text_may_stop_inside_a_window(name: str) -> None:
    tokenization = MethodEncoder(name, ngram()).tokenization
    tokens = tokenization.encode(DOCUMENTS[2]).tolist()[:21]
    stream = TextStream(tokenization.decode_piece, tokenization.piece_ids)
    text = "".join(map(stream.push, tokens)) + stream.finish(tokenization.window_tokens)
    assert text == tokenization.decode(np.array(tokens[:20]))
    stream.push(0)
    with pytest.raises(FormatError, match="inside a window"):
        stream.finish()


def test_a_document_that_decodes_as_a_whole_is_cut_by_the_limit(
    program: Program, tmp_path: Path
) -> None:
    text, out, m2 = tmp_path / "text.txt", tmp_path / "shards", tmp_path / "m2.pt"
    text.write_text(DOCUMENTS[2] * 40)
    eqinfo_command("tokenize", text, "-o", out, "--method", "EqualInfo[16, 8] padded")
    toy = ["--size=toy", "--context=8", "--batch=4", "--points=1", "--held-out=50", "--steps=2"]
    program("train_m2", out, "-o", m2, *toy)
    error = program("sample_m2", m2, out, "--max-tokens=3")[1]
    assert "raise --max-tokens until the document ends, or train M2 longer" in error


def test_bytes_that_are_no_text_are_left_out() -> None:
    stream = TextStream(lambda ids: bytes(ids.tolist()), 1)
    parts = [stream.push(byte) for byte in b"a\xe2\x82\xacb\xff\xe2\x82c\xf0\x9f"]
    assert parts == ["a", "", "", "€", "b", "", "", "", "c", "", ""]
    assert stream.finish() == ""
    assert (stream.text_bytes, stream.left_out) == (6, 5)


def test_a_sample_stops_at_the_end_of_the_document(program: Program, tmp_path: Path) -> None:
    text = tmp_path / "text.jsonl"
    text.write_text('{"text": "ab"}\n' * 400)
    shards.tokenize([text], tmp_path / "shards", MethodEncoder("Bytes"))
    data = open_shards(tmp_path / "shards")
    tokens = ShardTokens(data)
    assert (tokens.end, tokens.vocab_size, tokens.group) == (256, 257, 1)
    settings = M2Settings("toy", batch=8, steps=40, learning_rate=1e-2, points=(1.0,))
    sequences = StreamSequences([data.shards[0].tokens], 8)
    path = tmp_path / "m2.pt"
    train(sequences, tokens.vocab_size, settings, tokens=tokens.origin, checkpoint=path)
    out, error = program("sample_m2", path, tmp_path / "shards", "--temperature=0.1")
    assert out == "ab\n"
    assert "2 bytes in 3 steps" in error
    wrong = {"name": "other", "fingerprint": "0"}
    with pytest.raises(ModelMismatchError, match=r"m2.pt: expected tokens of Bytes"):
        train(sequences, tokens.vocab_size, settings, tokens=wrong, checkpoint=path)
    manifest = tmp_path / "shards" / "manifest.json"
    content = json.loads(manifest.read_text())
    content["parameters"]["end_of_document"] = False
    content["bytes_per_token"] = round(content["bytes"] / content["tokens"], 6)
    manifest.write_text(json.dumps(content))
    assert "tokenize without --no-end" in program("sample_m2", path, tmp_path / "shards")[1]


def test_an_m2_that_knows_the_text_of_its_tokens_is_sampled(
    program: Program, tmp_path: Path
) -> None:
    text, out, m2 = tmp_path / "text.txt", tmp_path / "shards", tmp_path / "m2.pt"
    text.write_text(DOCUMENTS[2] * 40)
    eqinfo_command("tokenize", text, "-o", out, "-m", "en-4k")
    toy = ["--size=toy", "--context=8", "--batch=4", "--points=1", "--held-out=50", "--steps=2"]
    program("train_m2", out, "-o", m2, *toy, "--embedding=text")
    first, second = (program("sample_m2", m2, out, "--max-tokens=20") for _ in range(2))
    assert first[0] == second[0] != ""
    proxy = tmp_path / "proxy.pt"
    program("train_m2", out, "-o", proxy, *toy, "--raw-share=0.5")
    refusal = "expected an M2 of 4,096 ids, found one of 4,416; train it without --raw-share"
    assert refusal in program("sample_m2", proxy, out)[1]
    both = tmp_path / "both.pt"
    program("train_m2", out, "-o", both, *toy, "--raw-share=0.5", "--embedding=text")
    assert "trained without --raw-share" in program("sample_m2", both, out)[1]
    text.write_bytes(b"\xff")
    assert f"{text}: expected UTF-8" in program("sample_m2", "--serving", text)[1]


def test_an_embedding_that_knows_texts_is_frozen_when_it_is_loaded(tmp_path: Path) -> None:
    settings = M2Settings("toy", batch=1, steps=1, points=(1.0,))
    strings = [bytes([byte]) for byte in range(9)]
    path = tmp_path / "m2.pt"
    trained: list[torch.Tensor] = []

    def remember(model: Transformer, step: int) -> None:
        trained.append(model(torch.arange(8)[None]).detach())

    sequences = StreamSequences([np.arange(9)], 8)
    train(sequences, 9, settings, strings=strings, checkpoint=path, measure=remember)
    model, _ = load_m2(path, strings=strings)
    assert type(model.embedding) is torch.nn.Embedding
    torch.testing.assert_close(model(torch.arange(8)[None]), trained[-1], rtol=1e-5, atol=1e-5)
    for others in (None, strings[::-1]):
        with pytest.raises(ModelMismatchError, match="expected the texts of the tokens"):
            load_m2(path, strings=others)


def test_a_document_of_ac_that_does_not_decode_is_said() -> None:
    tokenization = MethodEncoder("AC[8]", ngram()).tokenization
    stream = TextStream(lambda ids: tokenization.decode(ids).encode(), tokenization.piece_ids)
    stream.push(255)
    with pytest.raises(FormatError):
        stream.finish()


def test_the_cost_of_serving() -> None:
    pytest.importorskip("tokenizers")
    costs = serving_costs(DOCUMENTS[2][:57], SIZES["toy"])
    assert costs[0].method == "Bytes"
    assert costs[0].steps_per_byte == 1
    assert all(cost.steps_per_byte < 0.5 for cost in costs[1:])
    assert all(cost.seconds_per_kb > 0 and 0 < cost.decoding_share < 1 for cost in costs)
    with pytest.raises(ValueError, match="expected text to generate"):
        serving_costs("", SIZES["toy"])
