// Cuts the text of the page into windows again whenever it changes.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);

function unpack(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

const tries = new Map(
  data.codebooks.map((book) => [
    book.name,
    { bits: book.window_bits, ...makeTrie(unpack(book.depth), unpack(book.symbol), unpack(book.end)) },
  ]),
);
const scores = data.sentencepiece && new Map(data.sentencepiece.pieces);

// Bytes of a window as text, with \xNN for the bytes of incomplete characters.
function shown(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (byte) =>
      byte < 0x80 ? String.fromCharCode(byte) : "\\x" + byte.toString(16)).join("");
  }
}

function coloured(parts) {
  return parts.map(({ text, title, bytes }, number) => {
    const span = document.createElement("span");
    span.className = "window";
    span.style.background = data.colours[number % data.colours.length];
    span.title = title;
    span.textContent = text;
    if (bytes) span.dataset.bytes = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return span;
  });
}

function row(cells) {
  const tr = document.createElement("tr");
  tr.append(...cells.map((cell) => {
    const td = document.createElement("td");
    td.textContent = cell;
    return td;
  }));
  return tr;
}

function show() {
  const text = document.getElementById("text").value;
  const trie = tries.get(document.getElementById("book").value);
  const bytes = new TextEncoder().encode(text);
  const found = windows(trie, bytes).map((window) => ({
    ...window,
    bytes: bytes.subarray(window.begin, window.end),
    text: shown(bytes.subarray(window.begin, window.end)),
    word: window.id.toString(2).padStart(trie.bits, "0"),
  }));
  document.getElementById("windows").replaceChildren(...coloured(found.map((window) => ({
    text: window.text,
    bytes: window.bytes,
    title: `codeword ${window.word} (id ${window.id}), ${window.end - window.begin} bytes`,
  }))));
  document.getElementById("rows").replaceChildren(...found.slice(0, 500).map((window) => row([
    window.text.replaceAll("\n", "\\n"),
    window.word,
    String(window.id),
    String(trie.bits),
    window.spare.toFixed(2),
    String(window.end - window.begin),
  ])));
  const ratio = (tokens) => (tokens ? (bytes.length / tokens).toFixed(2) : "0");
  document.getElementById("sum").textContent =
    `${bytes.length} bytes, ${found.length} windows of ${trie.bits} bits: ` +
    `${ratio(found.length)} bytes per window`;
  if (!scores) return;
  const subwords = pieces(scores, data.sentencepiece.longest, data.sentencepiece.unknown, text);
  const tokens = subwords.reduce((sum, piece) => sum + piece.tokens, 0);
  document.getElementById("pieces").replaceChildren(...coloured(subwords.map((piece) => ({
    text: piece.text,
    title: piece.tokens === 1 ? "1 token" : `${piece.tokens} byte tokens`,
  }))));
  document.getElementById("piece-sum").textContent =
    `${tokens} tokens from a vocabulary of ${data.sentencepiece.size}: ${ratio(tokens)} bytes per token`;
}

document.getElementById("text").addEventListener("input", show);
document.getElementById("book").addEventListener("change", show);
show();
