// Frequencies, equal-info windows and arithmetic coding with the model of model.js: docs/pipeline.md in
// JavaScript. No DOM here, so tests can run it.
"use strict";

const EXP2 = BigUint64Array.from({ length: 1024 }, (_, k) => BigInt(Math.round(2 ** (31 - k / 1024))));
const MAX_QUANTISED = 31 * 1024;
const AC_PRECISION = 24n;

// Frequency rule 1, for logits in 1024ths of an octave.
function frequencies(logits, precision) {
  const maximum = Math.max(...logits);
  const quantised = logits.map((logit) => Math.min(maximum - logit, MAX_QUANTISED));
  const weights = quantised.map((x) => EXP2[x % 1024] >> BigInt(x >> 10));
  const sum = weights.reduce((a, b) => a + b);
  const total = 1n << precision;
  const spread = total - BigInt(logits.length);
  const result = weights.map((weight) => 1n + (weight * spread) / sum);
  result[quantised.indexOf(0)] += total - result.reduce((a, b) => a + b);
  return result;
}

// The first codeword and the number of codewords of a symbol, when `shared` codewords are shared.
function share(shared, row, precision, symbol) {
  const total = 1n << precision;
  const quotient = shared / total, rest = shared % total;
  if (quotient) {
    const start = row.slice(0, symbol).reduce((a, b) => a + b, 0n);
    const bound = (cumulative) => cumulative * quotient + (cumulative * rest) / total;
    return [bound(start), bound(start + row[symbol]) - bound(start)];
  }
  const counts = row.map((frequency) => (frequency * rest) / total);
  const remainders = row.map((frequency) => (frequency * rest) % total);
  const order = row.map((_, i) => i).sort((a, b) =>
    remainders[a] === remainders[b] ? a - b : remainders[a] > remainders[b] ? -1 : 1);
  const left = Number(shared - counts.reduce((a, b) => a + b));
  for (const i of order.slice(0, left)) counts[i]++;
  return [counts.slice(0, symbol).reduce((a, b) => a + b, 0n), counts[symbol]];
}

// Bijective windows; returns [{ begin, end, codeword, spare }], spare in bits.
function neuralWindows(tensors, bytes, bits) {
  const precision = BigInt(Math.min(16, bits));
  const all = (1n << BigInt(bits)) - 1n;
  const found = [];
  let begin = 0, base = 0n, shared = all;
  let prediction = new Prediction(tensors, bytes, 0, false);
  const close = (end) => found.push({ begin, end, codeword: base, spare: log2(shared + 1n) });
  for (let at = 0; at < bytes.length; at++) {
    let [first, count] = share(shared, frequencies(prediction.logits(), precision), precision, bytes[at]);
    if (count === 0n) {
      close(at);
      begin = at;
      base = 0n;
      shared = all;
      prediction = new Prediction(tensors, bytes, at, false);
      [first, count] = share(shared, frequencies(prediction.logits(), precision), precision, bytes[at]);
    }
    base += 1n + first;
    shared = count - 1n;
    prediction.append();
  }
  if (bytes.length) close(bytes.length);
  return found;
}

function log2(value) {
  const shift = BigInt(Math.max(0, value.toString(2).length - 53));
  return Number(shift) + Math.log2(Number(value >> shift));
}

// The arithmetic-coded stream of a text, as a string of bits. `ends[i]` is the number of bits of the
// stream that byte i and all before it take, rounded up.
function arithmeticStream(tensors, bytes) {
  const WORD = 1n << 32n;
  let low = 0n, range = (1n << 64n) - 1n, words = 0;
  const narrow = (start, frequency, precision) => {
    const first = (range * start) >> precision;
    const last = (range * (start + frequency)) >> precision;
    low += first;
    range = last - first;
    if (range < WORD) {
      low *= WORD;
      range *= WORD;
      words++;
    }
  };
  const width = bytes.length.toString(2).length;
  if (!bytes.length) return { bits: "", ends: [] };
  narrow(BigInt(width), 1n, 6n);
  for (let left = width - 1; left > 0;) {
    const taken = Math.min(left, 16);
    left -= taken;
    narrow(BigInt(Math.floor(bytes.length / 2 ** left) % 2 ** taken), 1n, BigInt(taken));
  }
  const prediction = new Prediction(tensors, bytes, 0, true);
  const ends = [];
  for (const byte of bytes) {
    const row = frequencies(prediction.logits(), AC_PRECISION);
    narrow(row.slice(0, byte).reduce((a, b) => a + b, 0n), row[byte], AC_PRECISION);
    ends.push(Math.ceil(64 + 32 * words - log2(range)));
    prediction.append();
  }
  for (let size = 0n; ; size++) {
    const unit = 1n << (64n - size);
    const value = ((low + unit - 1n) / unit) * unit;
    if (value < low + range) {
      const length = 32 * words + Number(size);
      return { bits: length ? (value >> (64n - size)).toString(2).padStart(length, "0") : "", ends };
    }
  }
}
