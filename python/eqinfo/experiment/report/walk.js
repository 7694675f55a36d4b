// Greedy windows of a codebook, SentencePiece's unigram pieces, and whole characters. No DOM here, so tests can
// run it.
"use strict";

// Build the trie of a codebook from its nodes in depth-first order: `child` maps node * 256 + byte to
// a node, `id` numbers the nodes where a window may end (-1 elsewhere), and `strings` counts the ids
// in the subtree of each node.
function makeTrie(depth, symbol, end) {
  const child = new Map();
  const id = new Int32Array(depth.length).fill(-1);
  const strings = new Int32Array(depth.length);
  const open = [];
  let count = 0;
  const close = () => {
    const node = open.pop();
    if (open.length) strings[open[open.length - 1]] += strings[node];
  };
  for (let node = 0; node < depth.length; node++) {
    while (open.length > depth[node]) close();
    if (node) child.set(open[open.length - 1] * 256 + symbol[node], node);
    if (end[node]) {
      id[node] = count++;
      strings[node] = 1;
    }
    open.push(node);
  }
  while (open.length) close();
  return { child, id, strings };
}

// Cut bytes by greedy longest match; returns [{ begin, end, id, spare }], spare in bits.
function windows(trie, bytes) {
  const found = [];
  for (let begin = 0; begin < bytes.length; ) {
    let node = 0, last = 0, stop = begin;
    for (let at = begin; at < bytes.length; at++) {
      node = trie.child.get(node * 256 + bytes[at]);
      if (node === undefined) break;
      if (trie.id[node] >= 0) {
        last = node;
        stop = at + 1;
      }
    }
    found.push({ begin, end: stop, id: trie.id[last], spare: Math.log2(trie.strings[last]) });
    begin = stop;
  }
  return found;
}

// Return the most probable pieces of a text (Viterbi): [{ text, tokens }]. A character without a piece
// has the score `unknown` and as many tokens as bytes.
function pieces(scores, longest, unknown, text) {
  const characters = Array.from(text.replaceAll(" ", "\u2581"));
  const best = new Float64Array(characters.length + 1).fill(-Infinity);
  const from = new Int32Array(characters.length + 1);
  best[0] = 0;
  for (let begin = 0; begin < characters.length; begin++) {
    let piece = "";
    for (let stop = begin + 1; stop <= Math.min(characters.length, begin + longest); stop++) {
      piece += characters[stop - 1];
      const score = scores.get(piece) ?? (stop === begin + 1 ? unknown : undefined);
      if (score !== undefined && best[begin] + score > best[stop]) {
        best[stop] = best[begin] + score;
        from[stop] = begin;
      }
    }
  }
  const found = [];
  for (let stop = characters.length; stop > 0; stop = from[stop]) {
    const piece = characters.slice(from[stop], stop).join("");
    const tokens = scores.has(piece) ? 1 : utf8Length(piece);
    found.push({ text: piece.replaceAll("\u2581", " "), tokens });
  }
  return found.reverse();
}

function utf8Length(character) {
  const code = character.codePointAt(0);
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

// Each piece of `bytes`, which end at `ends`, as text. A character that pieces cut is shown whole where
// it begins, and "·" stands for it after that; bytes that are no character become \xNN.
function wholeCharacters(bytes, ends) {
  const shown = [];
  let begin = 0, taken = 0;
  for (const end of ends) {
    const mark = taken > begin ? "·" : "";
    const stop = Math.max(endOfCharacter(bytes, end), taken);
    shown.push(mark + decoded(bytes, Math.max(begin, taken), stop));
    begin = end;
    taken = stop;
  }
  return shown;
}

function characterLength(bytes, at) {
  const first = bytes[at];
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  for (let i = 1; i < length; i++) if ((bytes[at + i] & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1];
  if ((first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f)) return 0;
  if ((first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f)) return 0;
  return length;
}

function endOfCharacter(bytes, end) {
  for (let begin = end - 1; begin >= Math.max(end - 3, 0); begin--) {
    if ((bytes[begin] & 0xc0) === 0x80) continue;
    return Math.max(end, begin + characterLength(bytes, begin));
  }
  return end;
}

function decoded(bytes, begin, end) {
  let text = "";
  for (let at = begin; at < end;) {
    const length = characterLength(bytes, at);
    if (length === 0 || at + length > end) {
      text += "\\x" + bytes[at++].toString(16).padStart(2, "0");
      continue;
    }
    let code = length === 1 ? bytes[at] : bytes[at] & (0x7f >> length);
    for (let i = 1; i < length; i++) code = (code << 6) | (bytes[at + i] & 0x3f);
    text += String.fromCodePoint(code);
    at += length;
  }
  return text;
}
