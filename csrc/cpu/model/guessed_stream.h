// Predictions of one stream of bytes that are not known in advance. A step for one context waits
// for the weights to be read, so it also appends a guess of the next byte and predicts what
// follows. If the guess is right, the next step is done; if not, it is taken back. A prediction
// depends only on what its context has taken, so guesses change nothing but the time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cpu/memory.h"
#include "cpu/model/model.h"

namespace eqinfo {

// What is likely to come next: what followed the last six, four or two bytes before. A byte is
// replaced when others have followed twice in a row.
class NextBytes {
 public:
  NextBytes() : entries_(kOrders * kEntries) {}

  void append(uint8_t byte) {
    for (uint32_t k = 0; k < kOrders; ++k) {
      const uint64_t key = this->key(k);
      Entry& entry = entries_[place(k, key)];
      if (entry.check == check(key) && entry.byte != byte && entry.again) {
        entry.again = false;
        continue;
      }
      entry = {check(key), byte, entry.check == check(key) && entry.byte == byte};
    }
    recent_ = recent_ << 8 | byte;
  }

  // The likely byte, or kFresh.
  int32_t guess() const {
    for (uint32_t k = 0; k < kOrders; ++k) {
      const uint64_t key = this->key(k);
      const Entry& entry = entries_[place(k, key)];
      if (entry.check == check(key)) return entry.byte;
    }
    return kFresh;
  }

 private:
  struct Entry {
    uint8_t check;  // 0 if unused
    uint8_t byte;
    bool again;  // it came at least twice
  };
  static constexpr uint32_t kOrders = 3;
  static constexpr uint32_t kBytes[kOrders] = {6, 4, 2};
  // 144 KiB: the weights are to stay in the second-level cache.
  static constexpr uint32_t kBits = 14;
  static constexpr size_t kEntries = size_t{1} << kBits;

  uint64_t key(uint32_t k) const { return (recent_ << (64 - 8 * kBytes[k])) * 0x9E3779B97F4A7C15u; }
  static size_t place(uint32_t k, uint64_t key) { return k * kEntries + (key >> (64 - kBits)); }
  static uint8_t check(uint64_t key) { return static_cast<uint8_t>(key >> (56 - kBits)) | 1; }

  uint64_t recent_ = 0;
  std::vector<Entry> entries_;
};

class GuessedStream {
 public:
  // `context` is empty.
  GuessedStream(const GuessingModel* model, uint8_t* context)
      : model_(model),
        context_(context),
        frequencies_(2 * model->alphabet()),
        scratch_(model->scratch_bytes(2)),
        undo_(aligned_bytes(model->undo_bytes())) {}

  // Appends a symbol, or kFresh, and predicts what follows. The row stays valid until the next
  // call.
  Result predict(int32_t symbol, uint32_t precision, const uint32_t** row, Stop* stop) {
    if (symbol != kFresh) next_bytes_.append(static_cast<uint8_t>(symbol));
    if (guessed_ && symbol == symbols_[1] && precision == precision_) {
      guessed_ = false;
      *row = frequencies_.data() + model_->alphabet();
      return {};
    }
    settle();
    symbols_[0] = symbol;
    symbols_[1] = model_->guesses_pay() ? next_bytes_.guess() : kFresh;
    precision_ = precision;
    *row = frequencies_.data();
    if (symbols_[1] == kFresh) {
      return model_->step(&context_, symbols_, 1, precision, frequencies_.data(), scratch_.data(),
                          stop);
    }
    const Result result = model_->step_with_guess(
        context_, symbols_, precision, frequencies_.data(), scratch_.data(), undo_.get(), stop);
    guessed_ = result.status == Status::ok;
    return result;
  }

  // The context is another one now.
  void restart() { guessed_ = false; }

  // The context becomes what the symbols have made of it.
  void settle() {
    if (guessed_) model_->take_back(context_, undo_.get());
    guessed_ = false;
  }

 private:
  const GuessingModel* model_;
  uint8_t* context_;
  NextBytes next_bytes_;
  bool guessed_ = false;  // the context has taken a guess, symbols_[1]
  int32_t symbols_[2] = {kFresh, kFresh};
  uint32_t precision_ = 0;
  std::vector<uint32_t> frequencies_;  // (2, alphabet)
  std::vector<uint8_t> scratch_;
  AlignedBytes undo_;
};

// For a single stream; null if the model, which may be null, gains nothing.
inline std::unique_ptr<GuessedStream> guessed_stream(const Model* model, uint8_t* context) {
  const GuessingModel* const guessing = model == nullptr ? nullptr : model->guessing();
  return guessing == nullptr ? nullptr : std::make_unique<GuessedStream>(guessing, context);
}

}  // namespace eqinfo
