#include "window.h"

#include "batch.h"

namespace eqinfo {
namespace {

Window load_window(const uint64_t* words) {
  return {load_codeword(words), load_codeword(words + 2)};
}

void store_window(const Window& window, uint64_t* words) {
  store_codeword(window.base, words);
  store_codeword(window.shared, words + 2);
}

// Takes one step on every lane, step(row, frequencies, &window), and keeps the windows only when all rows were good.
template <typename Step>
Result step_lanes(const WindowLanes& lanes, const Rows& rows, Step step) {
  for (int64_t row = 0; row < rows.count; ++row) {
    const uint32_t* frequencies = nullptr;
    const Status status = row_frequencies(rows, row, lanes.scratch, &frequencies);
    if (status != Status::ok) return {status, row};
    Window window = load_window(lanes.windows + lanes.lanes[row] * kWindowWords);
    step(row, frequencies, &window);
    store_window(window, lanes.pending + row * kWindowWords);
  }
  for (int64_t row = 0; row < rows.count; ++row) {
    store_window(load_window(lanes.pending + row * kWindowWords),
                 lanes.windows + lanes.lanes[row] * kWindowWords);
  }
  return {};
}

Result check_symbols(const int32_t* symbols, const Rows& rows) {
  for (int64_t row = 0; row < rows.count; ++row) {
    if (symbols[row] < 0 || static_cast<uint32_t>(symbols[row]) >= rows.alphabet) {
      return {Status::symbol_out_of_range, row};
    }
  }
  return {};
}

// Whether a codeword belongs to the window; a caller's codewords may be anything.
bool owns(const Window& window, uint128 codeword) {
  return codeword >= window.base && codeword - window.base <= window.shared;
}

Result check_codewords(const WindowLanes& lanes, const Rows& rows, const uint64_t* codewords) {
  for (int64_t row = 0; row < rows.count; ++row) {
    const int64_t lane = lanes.lanes[row];
    if (!owns(load_window(lanes.windows + lane * kWindowWords), load_codeword(codewords + lane * 2))) {
      return {Status::corrupt_stream, row};
    }
  }
  return {};
}

}  // namespace

Result window_encode_lanes(const WindowLanes& lanes, const Rows& rows, const int32_t* symbols,
                           uint8_t* fits) {
  const Result checked = check_symbols(symbols, rows);
  if (checked.status != Status::ok) return checked;
  return step_lanes(lanes, rows, [&](int64_t row, const uint32_t* frequencies, Window* window) {
    fits[row] = window_encode(window, frequencies, rows.alphabet, rows.precision,
                              static_cast<uint32_t>(symbols[row]));
  });
}

Result window_decode_lanes(const WindowLanes& lanes, const Rows& rows, const uint64_t* codewords,
                           int32_t* symbols) {
  const Result checked = check_codewords(lanes, rows, codewords);
  if (checked.status != Status::ok) return checked;
  return step_lanes(lanes, rows, [&](int64_t row, const uint32_t* frequencies, Window* window) {
    const uint128 codeword = load_codeword(codewords + lanes.lanes[row] * 2);
    symbols[row] = codeword == window->base
                       ? -1
                       : static_cast<int32_t>(window_decode(window, frequencies, rows.alphabet,
                                                            rows.precision, codeword));
  });
}

Result padded_encode_lanes(const WindowLanes& lanes, const Rows& rows, const int32_t* symbols,
                           uint8_t* fits, uint8_t* settled) {
  const Result checked = check_symbols(symbols, rows);
  if (checked.status != Status::ok) return checked;
  return step_lanes(lanes, rows, [&](int64_t row, const uint32_t* frequencies, Window* window) {
    Window ahead = *window;
    settled[row] = padded_decode(&ahead, frequencies, rows.alphabet, rows.precision,
                                 padded_codeword(*window)) < 0;
    fits[row] =
        padded_encode(window, frequencies, rows.precision, static_cast<uint32_t>(symbols[row]));
  });
}

Result padded_decode_lanes(const WindowLanes& lanes, const Rows& rows, const uint64_t* codewords,
                           int32_t* symbols) {
  const Result checked = check_codewords(lanes, rows, codewords);
  if (checked.status != Status::ok) return checked;
  return step_lanes(lanes, rows, [&](int64_t row, const uint32_t* frequencies, Window* window) {
    symbols[row] = padded_decode(window, frequencies, rows.alphabet, rows.precision,
                                 load_codeword(codewords + lanes.lanes[row] * 2));
  });
}

Result window_children(const uint64_t* windows, const Rows& rows, uint32_t* scratch,
                       int64_t* parents, int32_t* symbols, uint64_t* children, int64_t* count) {
  int64_t found = 0;
  for (int64_t row = 0; row < rows.count; ++row) {
    const uint32_t* frequencies = nullptr;
    const Status status = row_frequencies(rows, row, scratch, &frequencies);
    if (status != Status::ok) return {status, row};
    const Window window = load_window(windows + row * kWindowWords);
    for_each_share(window, frequencies, rows.alphabet, rows.precision,
                   [&](uint32_t symbol, const Share& share) {
                     if (share.count > 0) {
                       parents[found] = row;
                       symbols[found] = static_cast<int32_t>(symbol);
                       store_window(window_child(window, share), children + found * kWindowWords);
                       ++found;
                     }
                     return true;
                   });
  }
  *count = found;
  return {};
}

}  // namespace eqinfo
