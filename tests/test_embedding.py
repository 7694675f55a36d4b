"""Text embeddings: what they compute, their gradients and memory, and what they refuse."""

from __future__ import annotations

import copy
import io
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch.nn import functional

from eqinfo.codebook import Codebook
from eqinfo.common.batch import TextBatch
from eqinfo.embedding import (
    KINDS,
    TextEmbedding,
    WindowEmbedding,
    freeze_model,
    loss,
    text_features,
    use_text_embedding,
)
from eqinfo.embedding.composition import list_sums
from eqinfo.embedding.loss import chunk_length
from eqinfo.reference import text_features as reference
from torch_cases import LargestTensor

STRINGS = [b"", *(bytes([byte]) for byte in range(97, 107)), b" the", b" The", b"the cat", "é", ""]
ROWS = len(STRINGS) + 2


def embedding(dtype: torch.dtype = torch.float64, **options: Any) -> TextEmbedding:
    torch.manual_seed(0)
    made = TextEmbedding(STRINGS, 6, **{"rows": ROWS, "buckets": 40, "std": 1.0, **options})
    return made.to(dtype)


def plain_table(made: TextEmbedding, kinds: tuple[str, ...], divisor: Any) -> torch.Tensor:
    """Return the table, by the definition, with nothing but sums that autograd knows."""
    rows = []
    for row in range(ROWS):
        text = STRINGS[row] if row < len(STRINGS) else b""
        text = text.encode() if isinstance(text, str) else text
        buckets = reference.text_features(text, kinds, len(made.features))
        row_vector = made.own[row]
        if buckets:
            row_vector = row_vector + made.features[buckets].sum(0) / divisor(len(buckets))
        rows.append(row_vector)
    return torch.stack(rows)


@pytest.mark.parametrize(
    ("combine", "divisor"), [("root", np.sqrt), ("mean", float), ("sum", lambda _: 1.0)]
)
@pytest.mark.parametrize("kinds", [("prefixes",), ("suffixes", "words"), KINDS])
def test_vectors_and_gradients_are_those_of_the_definition(
    combine: Any, divisor: Any, kinds: tuple[str, ...]
) -> None:
    made = embedding(combine=combine, kinds=kinds)
    wanted = plain_table(made, kinds, divisor)
    ids = torch.tensor([[3, ROWS - 1], [3, 12]])
    gradients = []
    for table, some in ((made.table(), made(ids)), (wanted, wanted[ids])):
        weights = torch.arange(table.numel(), dtype=torch.float64).view_as(table).sin()
        result = (table * weights).sum() + (some * weights[ids].cos()).sum()
        gradients.append(torch.autograd.grad(result, [made.own, made.features]))
        torch.testing.assert_close(table, wanted, atol=1e-6, rtol=0)
        torch.testing.assert_close(some, wanted[ids], atol=1e-6, rtol=0)
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize("z_loss", [0.0, 1e-2])
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-6), (torch.bfloat16, 6e-3)])
def test_chunks_of_a_gpu_have_the_same_losses_and_gradients(
    dtype: torch.dtype, error: float, z_loss: float
) -> None:
    torch.manual_seed(0)
    logits = (3 * torch.randn(50, 300)).to(dtype)
    wanted = torch.randint(0, 300, (50,))
    wanted[[3, 7]] = loss.IGNORED
    found = []
    for chunk in (loss._chunk, loss._device_chunk):
        nats, gradient, scale = chunk(
            logits.clone(), wanted, torch.tensor(48), torch.float32, z_loss
        )
        assert gradient.dtype == dtype
        found.append((nats, gradient.float() * scale))
    (nats, gradient), (device_nats, device_gradient) = found
    torch.testing.assert_close(device_nats, nats)
    assert (device_gradient - gradient).norm() < error * gradient.norm()
    assert not device_gradient[[3, 7]].any()


@pytest.mark.parametrize("piece", [1, 2, 64])
def test_sums_of_pieces_are_those_of_whole_lists(
    monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    """On a GPU, long lists are summed in pieces."""
    monkeypatch.setattr("eqinfo.embedding.composition.PIECE", piece)
    made = embedding(kinds=KINDS, buckets=200)
    lists = made._lists
    counts = np.diff(lists.bucket_offsets)
    assert counts.min() == 0
    assert counts.max() > 2
    assert np.diff(lists.piece_offsets).max() == min(piece, counts.max())
    vectors = torch.randn((ROWS, 6), dtype=torch.float64)
    found = list_sums(vectors, lists.bucket_ids, lists.piece_offsets, lists.bucket_pieces)
    wanted = list_sums(vectors, lists.bucket_ids, lists.bucket_offsets)
    torch.testing.assert_close(found, wanted)


def test_gradients_are_those_of_finite_differences() -> None:
    made = embedding()
    ids = torch.tensor([3, 3, 11])

    # gradcheck changes the parameters in place between the calls.
    def both(*_: torch.Tensor) -> torch.Tensor:
        return torch.cat([made.table(), made(ids)])

    assert torch.autograd.gradcheck(both, (made.own, made.features))


def test_rows_without_text_have_a_vector_of_their_own() -> None:
    made = embedding()
    table = made.table()
    for row in (0, len(STRINGS) - 1, len(STRINGS), ROWS - 1):
        assert torch.equal(table[row], made.own[row])
        assert torch.equal(made(torch.tensor(row)), made.own[row])
    assert not torch.equal(table[1], made.own[1])
    assert made(torch.empty(0, 3, dtype=torch.long)).shape == (0, 3, 6)


def test_the_loss_and_the_logits_are_those_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "CHUNK_BYTES", 3 * 4 * ROWS)
    made = embedding()
    hidden = torch.randn(2, 5, 6, dtype=torch.float64)
    targets = torch.arange(10).view(2, 5)
    targets[0, 3] = -100
    logits = made.logits(hidden)
    assert torch.equal(logits, hidden @ made.weight.T)
    wanted = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    found = made.loss(hidden, targets)
    assert found.item() == pytest.approx(wanted.item())
    parameters = [made.own, made.features]
    for one, other in zip(
        torch.autograd.grad(found, parameters), torch.autograd.grad(wanted, parameters), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=0)


def test_chunks_add_up_in_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bfloat16, of hundreds of chunks the later ones would be lost."""
    torch.manual_seed(0)
    hidden = torch.randn(4000, 16, dtype=torch.bfloat16)
    weight = (torch.randn(50, 16) * 0.3).bfloat16().requires_grad_()
    targets = torch.randint(0, 3, (4000,))
    whole = functional.cross_entropy(hidden.float() @ weight.float().T, targets)
    (wanted,) = torch.autograd.grad(whole, weight)
    monkeypatch.setattr(loss, "CHUNK_BYTES", 8 * 4 * len(weight))
    (found,) = torch.autograd.grad(loss.cross_entropy(hidden, weight, targets), weight)
    assert found.dtype == torch.bfloat16
    assert (found - wanted).float().norm() < 0.005 * wanted.float().norm()


def test_a_loss_is_not_differentiated_twice() -> None:
    hidden = torch.randn(4, 6, requires_grad=True)
    found = loss.cross_entropy(hidden, torch.randn(9, 6), torch.arange(4))
    (gradient,) = torch.autograd.grad(found**2, hidden, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.square().sum().backward()


def test_no_step_has_all_logits_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "CHUNK_BYTES", 1 << 16)
    made = TextEmbedding([b"%d" % i for i in range(4096)], 8, buckets=100)
    ids = torch.arange(1025)
    with LargestTensor() as largest:
        made.loss(made(ids[:-1]), ids[1:]).backward()
    assert made.own.grad is not None
    assert largest.elements == made.own.numel() < 1024 * 4096 // 16


def test_a_frozen_embedding_gives_the_same_logits() -> None:
    made = embedding(torch.float32)
    plain = made.freeze()
    hidden = torch.randn(7, 6)
    ids = torch.arange(ROWS)
    assert type(plain) is torch.nn.Embedding
    torch.testing.assert_close(plain(ids), made(ids), atol=1e-6, rtol=0)
    assert (made.logits(hidden) - hidden @ plain.weight.T).abs().max() < 1e-5
    assert plain.weight.requires_grad
    plain.weight.data.zero_()
    assert made.table().abs().sum() > 0


def test_a_codebook_is_the_list_of_its_strings() -> None:
    codebook = Codebook.bundled("en-4k")
    strings = [codebook[id] for id in range(len(codebook))]
    one, other = text_features(codebook), text_features(strings)
    assert one.fingerprint == other.fingerprint
    assert np.array_equal(one.buckets, other.buckets)
    assert np.array_equal(one.offsets, other.offsets)
    wanted = [reference.text_features(text, KINDS[:4], 16_384) for text in strings[::100]]
    assert [
        one.buckets[one.offsets[i] : one.offsets[i + 1]].tolist() for i in range(0, 4096, 100)
    ] == wanted


def test_a_batch_of_texts_is_as_good_as_a_list() -> None:
    strings = [b"the", b"\xff", b"", b" cat"]
    batch = TextBatch.concatenate([b"before", *strings, b"after"])[1:5]
    found, wanted = text_features(batch), text_features(strings)
    assert found.fingerprint == wanted.fingerprint
    assert found.buckets.tolist() == wanted.buckets.tolist()
    assert found.offsets.tolist() == wanted.offsets.tolist()


def test_a_state_is_restored_exactly() -> None:
    made = embedding(torch.float32)
    file = io.BytesIO()
    torch.save(made.state_dict(), file)
    file.seek(0)
    torch.manual_seed(1)
    other = TextEmbedding(STRINGS, 6, rows=ROWS, buckets=40)
    assert not torch.equal(other.table(), made.table())
    other.load_state_dict(torch.load(file))
    assert torch.equal(other.table(), made.table())
    assert torch.equal(copy.deepcopy(made).table(), made.table())
    assert set(made.state_dict()) == {"own", "features", "_extra_state"}


@pytest.mark.parametrize("assign", [False, True])
def test_a_state_is_loaded_into_a_module_without_memory(assign: bool) -> None:
    made = embedding()
    other = embedding().to("meta")
    if not assign:
        other.to_empty(device="cpu")
    other.load_state_dict(made.state_dict(), assign=assign)
    assert torch.equal(other.table(), made.table())
    ids = torch.arange(ROWS)
    assert torch.equal(other(ids), made(ids))


def test_other_precisions_do_not_change_what_features_count() -> None:
    made = embedding(torch.float32)
    state = made.state_dict()
    wanted = made.table()
    made.bfloat16().float().load_state_dict(state)
    assert torch.equal(made.table(), wanted)


def test_lists_are_not_sent_between_processes() -> None:
    """Distributed training refused one of them, and sent the others in every step."""
    assert not list(embedding().buffers())


def test_a_state_goes_through_safetensors() -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    made, other = embedding(torch.float32), embedding(torch.float32, std=0.5)
    other.load_state_dict(safetensors.load(safetensors.save(made.state_dict())))
    assert torch.equal(other.table(), made.table())


@pytest.mark.parametrize(
    "options",
    [{"combine": "mean"}, {"kinds": ["words"]}, {"strings": STRINGS[:1] + STRINGS[:0:-1]}],
)
def test_a_state_of_other_texts_or_settings_is_refused(options: dict[str, Any]) -> None:
    strings = options.pop("strings", STRINGS)
    other = TextEmbedding(strings, 6, **{"rows": ROWS, "buckets": 40, **options})
    with pytest.raises(ValueError, match="give the strings, buckets, kinds and combine that"):
        other.load_state_dict(embedding().state_dict())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"buckets": 0}, "found 0; for an embedding that does not know its text"),
        ({"buckets": (1 << 24) + 1}, "expected 1 to 16777216 buckets"),
        ({"rows": 3}, "one for each of the strings, found 3; the strings are those of another"),
        ({"width": 0}, "expected a width of 1 or more, found 0"),
        ({"kinds": []}, r"expected kinds among .*, at least one, found \[\]"),
        ({"kinds": ["words", "letters"]}, r"expected kinds among .*, found \['letters', 'words'\]"),
        ({"kinds": "words"}, "expected kinds among .*, found 'words'"),
        ({"combine": "max"}, "expected combine to be one of root, mean, sum, found 'max'"),
        ({"strings": []}, "expected 1 to 1048576 strings, found 0"),
    ],
)
def test_bad_parameters(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TextEmbedding(**{"strings": STRINGS, "width": 6, "rows": ROWS, **options})


def test_the_least_of_everything() -> None:
    small = TextEmbedding(["a"], 1, buckets=1, kinds=(kind for kind in ["words"]))
    expected = small.own + small.features * len(small._lists.buckets) ** 0.5
    assert len(small._lists.buckets) > 0
    assert torch.allclose(small.table(), expected)
    assert chunk_length(1 << 30, torch.device("cpu")) == 1


@pytest.mark.parametrize(("count", "buckets"), [(1, 1), (1, 1 << 24), (1 << 20, 1)])
def test_the_least_and_the_most_features(count: int, buckets: int) -> None:
    found = text_features([b"a"] * count, buckets, ["words"])
    assert len(found.offsets) == count + 1
    assert 0 <= found.buckets.min() <= found.buckets.max() < buckets


def test_a_text_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="int"):
        TextEmbedding([b"a", 3], 6)  # type: ignore[list-item]
    with pytest.raises(TypeError, match="texts of all ids or a Codebook, found one str"):
        TextEmbedding("abc", 6)


def test_ids_as_codebooks_give_them_are_refused() -> None:
    ids = torch.zeros(2, dtype=torch.uint16)
    with pytest.raises(TypeError, match=r"found torch.uint16; use ids.long\(\)"):
        embedding()(ids)
    with pytest.raises(TypeError, match=r"found torch.uint16; use ids.long\(\)"):
        WindowEmbedding([bytes([97 + number]) for number in range(16)], 6, token_bits=2)(ids)


@pytest.mark.parametrize("id", [ROWS, -1])
def test_an_id_without_a_row_is_refused(id: int) -> None:
    with pytest.raises(IndexError, match=f"of 0 to {ROWS - 1}, found {id}; if it is a special"):
        embedding()(torch.tensor([0, id]))
    with pytest.raises(IndexError, match=f"of 0 to {ROWS - 1}, found {id}; if it is a special"):
        embedding().loss(torch.zeros(3, 6, dtype=torch.float64), torch.tensor([-100, 0, id]))


class Model(torch.nn.Module):
    """A model with the methods of transformers that are used, and an embedding of 20 ids."""

    def __init__(self, tied: bool = True, bias: bool = False) -> None:
        super().__init__()
        self.inputs: Any = torch.nn.Embedding(ROWS, 6)
        self.outputs: Any = torch.nn.Linear(6, ROWS, bias=bias)
        if tied:
            self.outputs.weight = self.inputs.weight

    def get_input_embeddings(self) -> Any:
        return self.inputs

    def get_output_embeddings(self) -> Any:
        return self.outputs

    def set_input_embeddings(self, module: Any) -> None:
        self.inputs = module

    def set_output_embeddings(self, module: Any) -> None:
        self.outputs = module

    def forward(self, ids: torch.Tensor) -> Any:
        return self.outputs(self.inputs(ids).tanh())


def test_a_model_is_given_a_text_embedding_and_a_plain_one_again() -> None:
    model = Model()
    made = use_text_embedding(model, STRINGS, rows=ROWS, buckets=40)
    assert {name for name, _ in model.named_parameters()} == {"inputs.own", "inputs.features"}
    ids = torch.arange(ROWS)
    logits = model(ids)
    logits.sum().backward()
    assert made.own.grad is not None
    freeze_model(model)
    assert (model(ids) - logits).abs().max() < 1e-5
    assert model.outputs.weight is model.inputs.weight
    assert {name for name, _ in model.named_parameters()} == {"inputs.weight"}


def test_models_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="set tie_word_embeddings=True in its configuration"):
        use_text_embedding(Model(tied=False), STRINGS)
    headless = Model()
    headless.outputs = None
    with pytest.raises(ValueError, match="set tie_word_embeddings=True in its configuration"):
        use_text_embedding(headless, STRINGS)
    with pytest.raises(ValueError, match="a head without bias, found one with a bias"):
        use_text_embedding(Model(bias=True), STRINGS)
    with pytest.raises(ValueError, match=rf"{ROWS} ids, found 99; give .* rows={ROWS} if the ids"):
        use_text_embedding(Model(), [b"a"] * 99, rows=99)
    with pytest.raises(ValueError, match=f"{ROWS} ids, found {len(STRINGS)}; give"):
        use_text_embedding(Model(), STRINGS)
    with pytest.raises(ValueError, match=f"expected at least 99 rows, .* found {ROWS}"):
        use_text_embedding(Model(), [b"a"] * 99, rows=ROWS)
    model = Model()
    use_text_embedding(model, STRINGS, rows=ROWS)
    with pytest.raises(ValueError, match="found one with a text embedding; call freeze_model"):
        use_text_embedding(model, STRINGS, rows=ROWS)
    with pytest.raises(TypeError, match="as use_text_embedding makes it, found one with Embedding"):
        freeze_model(Model())


def llama(transformers: Any) -> Any:
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=4100,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=2,
            tie_word_embeddings=True,
        )
    )


def gpt2(transformers: Any) -> Any:
    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(vocab_size=4100, n_embd=32, n_layer=1, n_head=2)
    )


@pytest.mark.parametrize("make", [llama, gpt2])
def test_models_of_transformers(make: Any, tmp_path: Any) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    model = make(transformers)
    codebook = Codebook.bundled("en-4k")
    made = use_text_embedding(model, codebook, rows=4100, buckets=1000)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    ids = torch.from_numpy(codebook.encode("It was the best of times. " * 4).astype(np.int64))[None]
    before = model(input_ids=ids, labels=ids).loss
    for _ in range(3):
        optimizer.zero_grad()
        hidden = model.base_model(input_ids=ids).last_hidden_state
        made.loss(hidden[:, :-1], ids[:, 1:]).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        logits = model(input_ids=ids)
        after = model(input_ids=ids, labels=ids).loss
        written = model.generate(ids[:, :4], max_new_tokens=3, do_sample=False, pad_token_id=0)
        assert after < before
        freeze_model(model)
        assert (model(input_ids=ids).logits - logits.logits).abs().max() < 1e-5
        model.save_pretrained(tmp_path)
        plain = type(model).from_pretrained(tmp_path).eval()
        assert (plain(input_ids=ids).logits - logits.logits).abs().max() < 1e-5
        again = plain.generate(ids[:, :4], max_new_tokens=3, do_sample=False, pad_token_id=0)
    assert torch.equal(written, again)
    assert not any("features" in name for name, _ in plain.named_parameters())


@pytest.mark.parametrize("make", [llama, gpt2])
def test_models_are_tied_and_resized_before_or_after(make: Any) -> None:
    """What docs/embedding.md says under "Limits"."""
    transformers = pytest.importorskip("transformers", reason="needs the extra hf")
    model = make(transformers).eval()
    model.tie_weights()
    model.resize_token_embeddings(4104)
    made = use_text_embedding(model, Codebook.bundled("en-4k"), rows=4104)
    logits = model(input_ids=torch.tensor([[5]])).logits
    model.tie_weights()
    for same in (None, 4104):
        assert model.resize_token_embeddings(same) is made
    assert torch.equal(model(input_ids=torch.tensor([[5]])).logits, logits)
    assert all(parameter.requires_grad for parameter in made.parameters())
    with pytest.raises(TypeError, match="Old embeddings are of type"):
        model.resize_token_embeddings(4200)
    duplicate = copy.deepcopy(model)
    freeze_model(duplicate)
    freeze_model(model)
    model.tie_weights()
    model.resize_token_embeddings(4200)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert model(input_ids=torch.tensor([[4199]])).logits.shape[-1] == 4200
