// Codewords of windows, bijective and padded: each decodes to something, within bounds, and what it
// decodes to is encoded to windows that decode to the same.
#include "window.h"

#include <memory>

#include "cpu/bits_loops.h"
#include "cpu/model/static_model.h"
#include "cpu/window/engine.h"
#include "expect.h"
#include "padded_window.h"

namespace eqinfo::fuzz {
namespace {

struct Parameters {
  uint32_t window_bits;
  uint32_t precision;
  uint32_t alphabet;
};

void finish(WindowRun* run) {
  bool done = false;
  expect(run->proceed(std::numeric_limits<int64_t>::max(), &done).status == Status::ok && done,
         "a run ends");
}

std::vector<int32_t> decode(const Parameters& parameters, const Model& model, uint64_t memory,
                            int64_t lanes, const std::vector<uint64_t>& codewords) {
  WindowMemo memo(parameters.window_bits, parameters.precision, parameters.alphabet,
                  model.context_bytes(), memory);
  const int64_t count = static_cast<int64_t>(codewords.size() / 2);
  DecodingRun run(&memo, &model, lanes, codewords.data(), count);
  finish(&run);
  std::vector<int64_t> ends(static_cast<size_t>(count));
  run.ends(ends.data());
  std::vector<int32_t> symbols(count == 0 ? 0 : static_cast<size_t>(ends.back()));
  run.gather(symbols.data());
  return symbols;
}

void check_bijective(const Parameters& parameters, const Model& model, uint64_t memory,
                     int64_t lanes, const std::vector<uint64_t>& codewords) {
  const auto symbols = decode(parameters, model, memory, lanes, codewords);
  for (const int32_t symbol : symbols) {
    expect(symbol >= 0 && static_cast<uint32_t>(symbol) < parameters.alphabet, "symbols exist");
  }
  WindowMemo memo(parameters.window_bits, parameters.precision, parameters.alphabet,
                  model.context_bytes(), memory);
  const int64_t offsets[2] = {0, static_cast<int64_t>(symbols.size())};
  EncodingRun run(&memo, &model, lanes, {symbols.data(), offsets, 1});
  finish(&run);
  std::vector<uint64_t> again;
  for (const ClosedWindow& closed : run.windows(0)) {
    again.resize(again.size() + 2);
    store_codeword(closed.window.base, &again[again.size() - 2]);
  }
  expect(decode(parameters, model, 1 << 20, 1, again) == symbols, "what is encoded decodes");
}

// Decodes one window with the paper's decoder and follows its symbols with the encoder.
void check_padded(const Parameters& parameters, const std::vector<uint32_t>& frequencies,
                  uint128 codeword) {
  PaddedWindow decoded = empty_padded_window(parameters.window_bits);
  PaddedWindow encoded = decoded;
  // A codeword of zeros may stand for an endless text.
  for (int k = 0; k < 2000; ++k) {
    const int32_t symbol = padded_decode(&decoded, frequencies.data(), parameters.alphabet,
                                         parameters.precision, codeword);
    if (symbol < 0) break;
    expect(static_cast<uint32_t>(symbol) < parameters.alphabet, "symbols exist");
    expect(padded_encode(&encoded, frequencies.data(), parameters.precision,
                         static_cast<uint32_t>(symbol)),
           "what a codeword means fits its window");
  }
  expect(whole_codewords(encoded).contain(codeword), "the window has its codeword");
}

void run(FuzzedDataProvider* input) {
  Parameters parameters{};
  parameters.alphabet = input->ConsumeIntegralInRange<uint32_t>(kMinAlphabet, 260);
  parameters.precision =
      input->ConsumeIntegralInRange<uint32_t>(min_precision(parameters.alphabet), kMaxPrecision);
  parameters.window_bits =
      input->ConsumeIntegralInRange<uint32_t>(parameters.precision, kMaxWindowBits);
  const uint32_t token_bits = input->ConsumeIntegralInRange<uint32_t>(1, kMaxTokenBits);
  const int64_t lanes = input->ConsumeIntegralInRange<int64_t>(1, 5);
  const uint64_t memory = input->ConsumeIntegralInRange<uint64_t>(0, 1 << 16);
  std::vector<float> logits(parameters.alphabet);
  for (float& logit : logits) {
    logit = static_cast<float>(input->ConsumeIntegral<int8_t>()) / 64;
  }
  const StaticModel model(logits);
  std::vector<uint16_t> tokens;
  while (input->remaining_bytes() > 0 && tokens.size() < 64) {
    tokens.push_back(input->ConsumeIntegral<uint16_t>());
  }
  const int64_t count = static_cast<int64_t>(tokens.size());
  std::vector<uint64_t> codewords(
      static_cast<size_t>(2 * (count * token_bits / parameters.window_bits)));
  const Result result =
      unpack_codewords(tokens.data(), count, parameters.window_bits, token_bits, codewords.data());
  if (result.status == Status::token_out_of_range) return;
  if (result.status == Status::ok) {
    std::vector<uint16_t> packed(tokens.size());
    pack_codewords(codewords.data(), static_cast<int64_t>(codewords.size() / 2),
                   parameters.window_bits, token_bits, packed.data());
    expect(packed == tokens, "one text has one packing");
  }
  check_bijective(parameters, model, memory, lanes, codewords);
  if (codewords.empty()) return;
  std::vector<uint32_t> frequencies(parameters.alphabet);
  frequency_row(logits.data(), parameters.alphabet, parameters.precision, frequencies.data());
  check_padded(parameters, frequencies, load_codeword(codewords.data()));
}

}  // namespace
}  // namespace eqinfo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  eqinfo::fuzz::run(&input);
  return 0;
}
