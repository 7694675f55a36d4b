// The native model (M1) in JavaScript: the integer network of docs/models.md, one byte at a time. No
// DOM here, so tests can run it. eqinfo.reference.native_model is the same in Python.
"use strict";

const MASK = (1n << 64n) - 1n;
const ORDER_BITS = [0n, 14n, 16n, 17n, 17n, 17n];
const WORD_BITS = 17n;
const MATCH_BYTES = [6, 4];
const HISTORY = 1 << 16;
const POSITION_BITS = 13n;
const NO_MATCH = 256 * 16;
const PLACES = 512; // arguments of the gate on either side of zero

const GATE = Int32Array.from({ length: 2 * PLACES }, (_, i) =>
  Math.round(2 ** 14 / (1 + Math.exp(-(i - PLACES) / 64))));

function mix(x) {
  x = (x * 0x9e3779b97f4a7c15n) & MASK;
  x ^= x >> 29n;
  x = (x * 0xbf58476d1ce4e5b9n) & MASK;
  return x ^ (x >> 32n);
}

function number(bytes, begin, end) {
  let value = 0n;
  for (let at = begin; at < end; at++) value = (value << 8n) | BigInt(bytes[at]);
  return value;
}

// The place after an earlier occurrence of the last bytes, which predicts the next byte.
class Match {
  constructor(size) {
    this.size = size;
    this.next = 0;
    this.length = 0;
    this.positions = new Map();
  }

  follow(bytes, end) {
    if (this.length && bytes[this.next] === bytes[end - 1]) {
      this.length = Math.min(255, this.length + 1);
      this.next++;
    } else {
      this.length = 0;
    }
  }

  find(bytes, end) {
    if (end < this.size) return;
    const slot = mix(number(bytes, end - this.size, end)) >> (64n - POSITION_BITS);
    const position = this.positions.get(slot) ?? 0;
    if (this.length === 0 && position && end - position < HISTORY) {
      let common = 0;
      while (common < Math.min(32, position) && end - position + common < HISTORY - 1 &&
             bytes[position - 1 - common] === bytes[end - 1 - common]) common++;
      if (common >= this.size) {
        this.next = position;
        this.length = common;
      }
    }
    this.positions.set(slot, end);
  }

  row(bytes) {
    if (!this.length) return NO_MATCH;
    const n = this.length;
    const kind = n < 16 ? Math.max(0, n - 4) : 12 + (n >= 24) + (n >= 32) + (n >= 64);
    return bytes[this.next] * 16 + kind;
  }
}

// The context of one text: which place of each feature's table the next byte depends on.
class Context {
  constructor(history) {
    this.history = history;
    this.word = 0n;
    this.previous = 0n;
    this.matches = MATCH_BYTES.map((size) => new Match(size));
  }

  append(bytes, end) {
    const byte = bytes[end - 1];
    if (this.history) {
      for (const match of this.matches) {
        match.follow(bytes, end);
        match.find(bytes, end);
      }
    }
    const lower = byte >= 65 && byte <= 90 ? byte + 32 : byte;
    if ((lower >= 97 && lower <= 122) || lower >= 128 || lower === 39) {
      this.word = ((this.word + BigInt(lower) + 1n) * 0x2f0b4c47n) & 0xffffffffn;
    } else {
      this.previous = this.word || this.previous;
      this.word = 0n;
    }
  }

  rows(bytes, end) {
    const rows = [end ? bytes[end - 1] : 256];
    for (let order = 2; order < 7; order++) {
      const known = Math.min(end, order);
      const kind = BigInt(order * 16 + known) * 0xd6e8feb86659fd93n;
      const key = (number(bytes, end - known, end) + kind) & MASK;
      rows.push(Number(mix(key) >> (64n - ORDER_BITS[order - 1])));
    }
    const fresh = end === 0;
    const separator = this.word || fresh ? 0n : BigInt(bytes[end - 1]);
    let key = ((this.word << 8n) | separator) * 0x8cb92ba72f3d8dd7n + BigInt(fresh) + 7n;
    rows.push(Number(mix(key & MASK) >> (64n - WORD_BITS)));
    key = ((this.word << 32n) | this.previous) * 0x8cb92ba72f3d8dd7n +
      separator * 0x94d049bb133111ebn + BigInt(fresh) + 9n;
    rows.push(Number(mix(key & MASK) >> (64n - WORD_BITS)));
    return rows.concat(this.matches.map((match) => match.row(bytes)));
  }
}

function layer(tensors, name, inputs) {
  const weight = tensors[`${name}.weight`], bias = tensors[`${name}.bias`], shift = tensors[`${name}.shift`];
  const outputs = new Int32Array(bias.length);
  for (let row = 0, at = 0; row < bias.length; row++) {
    let total = bias[row];
    for (let i = 0; i < inputs.length; i++) total += weight[at++] * inputs[i];
    outputs[row] = (total + ((1 << shift[row]) >> 1)) >> shift[row];
  }
  return outputs;
}

// A text that grows byte by byte, and what the model expects next.
class Prediction {
  // bytes: of the whole text; begin: where this context begins; history: whether matches are looked for.
  constructor(tensors, bytes, begin, history) {
    this.tensors = tensors;
    this.bytes = bytes.subarray(begin);
    this.end = 0;
    this.context = new Context(history);
    this.state = new Int32Array(tensors["recurrent.bias"].length / 2);
  }

  append() {
    this.end++;
    this.context.append(this.bytes, this.end);
  }

  // The logits of the next byte, in 1024ths of an octave. To be called once after every byte.
  logits() {
    const rows = this.context.rows(this.bytes, this.end);
    const features = 16 * rows.length;
    const inputs = new Int32Array(features + this.state.length);
    rows.forEach((row, k) => {
      const table = this.tensors[`rows.${k}`];
      for (let i = 0; i < 8; i++) {
        const pair = table[8 * row + i];
        inputs[16 * k + 2 * i] = (((pair & 15) ^ 8) - 8) * 16;
        inputs[16 * k + 2 * i + 1] = (((pair >> 4) ^ 8) - 8) * 16;
      }
    });
    const results = layer(this.tensors, "recurrent", inputs.subarray(0, features));
    const count = this.state.length;
    for (let i = 0; i < count; i++) {
      const candidate = 16 * Math.max(-2047, Math.min(2047, results[i]));
      const gate = GATE[PLACES + Math.max(-PLACES, Math.min(PLACES - 1, results[count + i]))];
      this.state[i] += ((candidate - this.state[i]) * gate + (1 << 13)) >> 14;
      inputs[features + i] = this.state[i] >> 8;
    }
    const units = layer(this.tensors, "hidden", inputs);
    const outputs = layer(this.tensors, "output", units.map((unit) => Math.max(0, Math.min(255, unit))));
    const logits = Array.from(outputs.subarray(0, 256), (value) => 8 * value);
    rows.slice(-2).forEach((row, i) => {
      if (row !== NO_MATCH) logits[row >> 4] += 8 * outputs[256 + i];
    });
    return logits;
  }
}
