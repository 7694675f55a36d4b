// Cuts the text of the page again whenever it changes.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const TYPES = { int32: Int32Array, int8: Int8Array, uint8: Uint8Array };
const TOKEN_BITS = 16; // of arithmetic-coded tokens
const NEURAL_BYTES = 500; // of text that M1 codes; a byte takes about a millisecond
const ROWS = 500; // windows in the table

const element = (id) => document.getElementById(id);

function unpack(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

const tries = new Map(
  data.codebooks.map((book) => [
    book.name,
    { bits: book.window_bits, ...makeTrie(unpack(book.depth), unpack(book.symbol), unpack(book.end)) },
  ]),
);
const tensors = Object.fromEntries(
  Object.entries(data.model).map(([name, [type, base64]]) => [name, new TYPES[type](unpack(base64).buffer)]),
);
const scores = data.sentencepiece && new Map(data.sentencepiece.pieces);
element("sentencepiece").hidden = !scores;

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

// Show the parts of a text, each with its end and a title, in the element `id`.
function showParts(id, bytes, parts) {
  const shown = wholeCharacters(bytes, parts.map((part) => part.end));
  element(id).replaceChildren(...coloured(parts.map(({ begin, end, title }, number) => ({
    text: shown[number],
    bytes: bytes.subarray(begin, end),
    title,
  }))));
  return shown;
}

function row(cells) {
  const tr = document.createElement("tr");
  tr.append(...cells.map((cell, column) => {
    const td = document.createElement("td");
    if (column === 0) td.className = "text";
    td.textContent = cell;
    return td;
  }));
  return tr;
}

const perToken = (bytes, tokens) => (tokens ? (bytes / tokens).toFixed(2) : "0");
const binary = (value, bits) => value.toString(2).padStart(bits, "0");

function showCodebook(bytes) {
  const trie = tries.get(element("book").value);
  const found = windows(trie, bytes);
  const shown = showParts("windows", bytes, found.map((window) => ({
    ...window,
    title: `codeword ${binary(window.id, trie.bits)} (id ${window.id}), ${window.end - window.begin} bytes`,
  })));
  element("rows").replaceChildren(...found.slice(0, ROWS).map((window, number) => row([
    shown[number].replaceAll("\n", "\\n"),
    binary(window.id, trie.bits),
    String(window.id),
    String(trie.bits),
    window.spare.toFixed(2),
    String(window.end - window.begin),
  ])));
  element("sum").textContent = `${bytes.length} bytes, ${found.length} windows of ${trie.bits} bits: ` +
    `${perToken(bytes.length, found.length)} bytes per window`;
}

function showPieces(bytes, text) {
  const subwords = pieces(scores, data.sentencepiece.longest, data.sentencepiece.unknown, text);
  const tokens = subwords.reduce((sum, piece) => sum + piece.tokens, 0);
  element("pieces").replaceChildren(...coloured(subwords.map((piece) => ({
    text: piece.text,
    title: piece.tokens === 1 ? "1 token" : `${piece.tokens} byte tokens`,
  }))));
  element("piece-sum").textContent = `${tokens} tokens from a vocabulary of ${data.sentencepiece.size}: ` +
    `${perToken(bytes.length, tokens)} bytes per token`;
}

function showNeural(bytes, only) {
  const bits = Number(element("bits").value);
  const found = neuralWindows(tensors, bytes, bits);
  showParts("neural", bytes, found.map((window) => ({
    ...window,
    title: `codeword ${binary(window.codeword, bits)}, ${window.spare.toFixed(1)} bits spare`,
  })));
  element("neural-sum").textContent = `${only}${found.length} windows of ${bits} bits: ` +
    `${perToken(bytes.length, (found.length * bits) / 16)} bytes per 16 bits`;
}

function showStream(bytes, only) {
  const stream = arithmeticStream(tensors, bytes);
  const tokens = Math.ceil(stream.bits.length / TOKEN_BITS);
  const parts = [];
  let begin = 0;
  for (let token = 0; token < tokens; token++) {
    let end = begin;
    while (end < bytes.length && (token === tokens - 1 || stream.ends[end] <= (token + 1) * TOKEN_BITS)) end++;
    const word = stream.bits.slice(token * TOKEN_BITS, (token + 1) * TOKEN_BITS).padEnd(TOKEN_BITS, "0");
    parts.push({ begin, end, title: `bits ${word}; they mean this only after all the tokens before` });
    begin = end;
  }
  showParts("stream", bytes, parts);
  element("stream-sum").textContent = `${only}${stream.bits.length} bits: ` +
    `${perToken(bytes.length, stream.bits.length / 16)} bytes per 16 bits. No token decodes without those before it.`;
}

let waiting;
function show() {
  const text = element("text").value;
  const bytes = new TextEncoder().encode(text);
  showCodebook(bytes);
  if (scores) showPieces(bytes, text);
  // M1 takes its time, so it waits until nobody types.
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const first = bytes.subarray(0, NEURAL_BYTES);
    const only = bytes.length > NEURAL_BYTES ? `the first ${NEURAL_BYTES} bytes, ` : "";
    showNeural(first, only);
    showStream(first, only);
  }, 200);
}

element("text").addEventListener("input", show);
element("book").addEventListener("change", show);
element("bits").addEventListener("change", show);
show();
