#include "cpu/window/lanes.h"

#include <algorithm>

#include "cpu/frequency_loops.h"
#include "window.h"

namespace eqinfo {

PaddedWindow load_padded_window(const uint64_t* words) {
  return {load_codeword(words), load_codeword(words + 2), static_cast<uint32_t>(words[4]),
          static_cast<uint32_t>(words[5])};
}

namespace {

// How each kind of window is stored in the caller's memory.
struct Bijective {
  static constexpr int64_t kWords = kWindowWords;
  static Window load(const uint64_t* words) { return load_window(words); }
  static void store(const Window& window, uint64_t* words) { store_window(window, words); }
  static bool owns(const Window& window, uint128 codeword) { return window_owns(window, codeword); }
};

struct Padded {
  static constexpr int64_t kWords = kPaddedWords;
  static PaddedWindow load(const uint64_t* words) { return load_padded_window(words); }
  static void store(const PaddedWindow& window, uint64_t* words) {
    store_codeword(window.base, words);
    store_codeword(window.width, words + 2);
    words[4] = window.base_part;
    words[5] = window.width_part;
  }
  static bool owns(const PaddedWindow& window, uint128 codeword) {
    return whole_codewords(window).contain(codeword);
  }
};

// Takes one step on every lane by step(row, frequencies, &window), and stores the windows only if
// all rows were valid.
template <typename Kind, typename Step>
Result step_lanes(const WindowLanes& lanes, const Rows& rows, Step step) {
  const Result result =
      for_each_row(rows, lanes.scratch, lanes.stop, [&](int64_t row, const uint32_t* frequencies) {
        auto window = Kind::load(lanes.windows + lanes.lanes[row] * Kind::kWords);
        step(row, frequencies, &window);
        Kind::store(window, lanes.pending + row * Kind::kWords);
      });
  if (result.status != Status::ok) return result;
  for (int64_t row = 0; row < rows.count; ++row) {
    std::copy_n(lanes.pending + row * Kind::kWords, Kind::kWords,
                lanes.windows + lanes.lanes[row] * Kind::kWords);
  }
  return {};
}

// Codewords of a caller may have any value.
template <typename Kind>
Result check_codewords(const WindowLanes& lanes, const Rows& rows, const uint64_t* codewords) {
  for (int64_t row = 0; row < rows.count; ++row) {
    const int64_t lane = lanes.lanes[row];
    if (!Kind::owns(Kind::load(lanes.windows + lane * Kind::kWords),
                    load_codeword(codewords + lane * 2))) {
      return {Status::corrupt_stream, row};
    }
  }
  return {};
}

}  // namespace

Result window_encode_lanes(const WindowLanes& lanes, const Rows& rows, const int32_t* symbols,
                           uint8_t* fits) {
  const Result checked = check_symbols(symbols, rows.count, rows.alphabet, lanes.stop);
  if (checked.status != Status::ok) return checked;
  return step_lanes<Bijective>(
      lanes, rows, [&](int64_t row, const uint32_t* frequencies, Window* window) {
        fits[row] = window_encode(window, SerialRow{frequencies, rows.alphabet}, rows.precision,
                                  static_cast<uint32_t>(symbols[row]));
      });
}

Result window_decode_lanes(const WindowLanes& lanes, const Rows& rows, const uint64_t* codewords,
                           int32_t* symbols) {
  const Result checked = check_codewords<Bijective>(lanes, rows, codewords);
  if (checked.status != Status::ok) return checked;
  return step_lanes<Bijective>(
      lanes, rows, [&](int64_t row, const uint32_t* frequencies, Window* window) {
        const uint128 codeword = load_codeword(codewords + lanes.lanes[row] * 2);
        symbols[row] =
            codeword == window->base
                ? -1
                : static_cast<int32_t>(window_decode(window, SerialRow{frequencies, rows.alphabet},
                                                     rows.precision, codeword));
      });
}

Result padded_encode_lanes(const WindowLanes& lanes, const Rows& rows, const int32_t* symbols,
                           uint8_t* fits, uint8_t* settled) {
  const Result checked = check_symbols(symbols, rows.count, rows.alphabet, lanes.stop);
  if (checked.status != Status::ok) return checked;
  return step_lanes<Padded>(
      lanes, rows, [&](int64_t row, const uint32_t* frequencies, PaddedWindow* window) {
        PaddedWindow ahead = *window;
        settled[row] = padded_decode(&ahead, frequencies, rows.alphabet, rows.precision,
                                     padded_codeword(whole_codewords(*window))) < 0;
        fits[row] =
            padded_encode(window, frequencies, rows.precision, static_cast<uint32_t>(symbols[row]));
      });
}

Result padded_decode_lanes(const WindowLanes& lanes, const Rows& rows, const uint64_t* codewords,
                           int32_t* symbols) {
  const Result checked = check_codewords<Padded>(lanes, rows, codewords);
  if (checked.status != Status::ok) return checked;
  return step_lanes<Padded>(
      lanes, rows, [&](int64_t row, const uint32_t* frequencies, PaddedWindow* window) {
        symbols[row] = padded_decode(window, frequencies, rows.alphabet, rows.precision,
                                     load_codeword(codewords + lanes.lanes[row] * 2));
      });
}

Result window_children(const uint64_t* windows, const Rows& rows, uint32_t* scratch,
                       int64_t* parents, int32_t* symbols, uint64_t* children, int64_t* count,
                       Stop* stop) {
  int64_t found = 0;
  const Result result =
      for_each_row(rows, scratch, stop, [&](int64_t row, const uint32_t* frequencies) {
        const Window window = load_window(windows + row * kWindowWords);
        for_each_share(window, frequencies, rows.alphabet, rows.precision,
                       [&](uint32_t symbol, const Share& share) {
                         if (share.count > 0) {
                           parents[found] = row;
                           symbols[found] = static_cast<int32_t>(symbol);
                           Bijective::store(window_child(window, share),
                                            children + found * kWindowWords);
                           ++found;
                         }
                         return true;
                       });
      });
  *count = found;
  return result;
}

}  // namespace eqinfo
