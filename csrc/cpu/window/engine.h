// Bijective windows of many documents side by side, the model reset at each: lanes walk through a
// memo of prefixes, and the model is asked only for what the memo does not know, for all lanes at
// once.
//
// A run is driven from outside: advance() lets every lane go on until it wants a prediction, and
// answer() takes the predictions. What is coded does not depend on the memo or the lanes.
#pragma once

#include <memory>
#include <vector>

#include "cpu/memory.h"
#include "cpu/model/model.h"
#include "cpu/window/memo.h"

namespace eqinfo {

// Symbols of documents or codewords of windows, one after the other: item i is
// [offsets[i], offsets[i + 1]).
struct SymbolTexts {
  const int32_t* symbols;
  const int64_t* offsets;
  int64_t count;
};

// A finished window, and where in its document it ends, in symbols.
struct ClosedWindow {
  Window window;
  int64_t end;
};

class WindowRun {
 public:
  // `predictor` is null where the predictions come from elsewhere; the contexts of the memo are
  // of its size, or empty.
  WindowRun(WindowMemo* memo, const Predictor* predictor, int64_t lanes);
  virtual ~WindowRun() = default;
  WindowRun(const WindowRun&) = delete;
  WindowRun& operator=(const WindowRun&) = delete;

  // How many predictions are wanted now; 0: all is done.
  int64_t advance();
  // All symbols of the prefix that prediction i is wanted for.
  void wanted_prefix(int64_t i, std::vector<int32_t>* symbols) const;
  // Takes the frequencies of the wanted predictions, shape (wanted, alphabet).
  void answer(const uint32_t* frequencies);
  // advance, the predictor and answer, up to so many times or until all is done. After a fault the
  // run is to be given up; the memo is as good as before.
  Result proceed(int64_t rounds, bool* done);

  // So far: symbols coded, predictions asked for, and in how many batches.
  int64_t symbols() const { return symbols_; }
  int64_t calls() const { return calls_; }
  int64_t batches() const { return batches_; }
  // Of which the predictor took so long.
  double model_seconds() const { return model_seconds_; }

 protected:
  struct Lane {
    Window window{0, 0};
    // The prefix in the memo, or kNoNode: then the lane itself keeps what is known of it.
    uint32_t node = kNoNode;
    bool busy = false;  // has something to code
    bool waits = false;
    bool fresh = false;             // at a node that has just been added: it has no children yet
    bool leads = false;             // wants a prediction that no lane before it does
    int64_t wish = 0;               // which prediction
    uint32_t context_of = kNoNode;  // the node whose context the lane holds
  };

  // A prediction for the window that one symbol more makes of a lane's; `parent` is its node.
  struct Wish {
    uint32_t parent;
    uint32_t symbol;
    Window window;
    int64_t lane;
  };

  Lane& lane(int64_t index) { return lanes_[static_cast<size_t>(index)]; }
  int64_t lanes() const { return static_cast<int64_t>(lanes_.size()); }
  int64_t wishes() const { return static_cast<int64_t>(wishes_.size()); }
  const uint8_t* row(int64_t index) {
    const Lane& at = lane(index);
    return at.node != kNoNode ? memo_->row(at.node) : lane_row(index);
  }
  void begin_window(Lane* at) const {
    at->window = empty_window(memo_->window_bits());
    at->node = 0;
    at->fresh = false;
  }
  // Goes on to a longer prefix, where the memo knows it.
  bool descend(Lane* at, uint32_t symbol) const {
    if (at->node == kNoNode || at->fresh) {
      at->fresh = false;
      return false;
    }
    const uint32_t child = memo_->find(at->node, symbol);
    if (child == kNoNode) return false;
    at->node = child;
    at->window = memo_->window(child);
    return true;
  }
  // Goes on to a prefix for which no prediction is needed.
  static void descend_to(Lane* at, const Window& window) {
    at->node = kNoNode;
    at->window = window;
  }
  // Asks for the prediction of a longer prefix, which the memo does not know.
  void want(int64_t index, uint32_t symbol, const Window& window);

  // Codes on as far as predictions go; true where one more is wanted.
  virtual bool resume(int64_t index) = 0;
  // All symbols of the prefix that a prediction is wanted for.
  virtual void prefix(const Wish& wish, std::vector<int32_t>* symbols) const = 0;

  WindowMemo* memo_;
  int64_t symbols_ = 0;

 private:
  int64_t* find_wish(uint32_t parent, uint32_t symbol);
  uint8_t* lane_context(int64_t lane) const {
    return contexts_.get() + static_cast<size_t>(lane) * context_stride_;
  }
  uint8_t* lane_row(int64_t lane) const {
    return rows_.get() + static_cast<size_t>(lane) * memo_->row_bytes();
  }

  const Predictor* predictor_;
  std::vector<Lane> lanes_;
  bool wants_root_ = false;  // the one wish is the empty prefix
  size_t context_stride_;
  AlignedBytes contexts_;
  AlignedBytes rows_;
  std::vector<Wish> wishes_;
  std::vector<int64_t> wish_slots_;  // by hash of parent and symbol: a wish, or -1
  std::vector<uint32_t> wish_nodes_;
  std::vector<uint8_t*> step_contexts_;
  std::vector<int32_t> step_symbols_;
  std::vector<uint32_t> frequencies_;
  std::vector<uint8_t> scratch_;
  int64_t calls_ = 0;
  int64_t batches_ = 0;
  double model_seconds_ = 0.0;
};

// Documents into windows, one a lane.
class EncodingRun : public WindowRun {
 public:
  // Symbols are below the alphabet.
  EncodingRun(WindowMemo* memo, const Predictor* predictor, int64_t lanes,
              const SymbolTexts& documents);
  // Once all is done: the windows of a document.
  const std::vector<ClosedWindow>& windows(int64_t document) const {
    return closed_[static_cast<size_t>(document)];
  }

 protected:
  bool resume(int64_t index) override;
  void prefix(const Wish& wish, std::vector<int32_t>* symbols) const override;

 private:
  struct Place {
    int64_t document;
    int64_t begin;  // of the window
    int64_t position;
    int64_t end;  // of the document; all of them in documents_.symbols
  };
  bool begin_document(int64_t index);
  void close(int64_t index);
  Place& place(int64_t index) { return places_[static_cast<size_t>(index)]; }

  SymbolTexts documents_;
  int64_t next_ = 0;
  std::vector<Place> places_;
  std::vector<std::vector<ClosedWindow>> closed_;
};

// Windows into symbols, one a lane.
class DecodingRun : public WindowRun {
 public:
  // Codewords are rows of two words, below 2^window_bits.
  DecodingRun(WindowMemo* memo, const Predictor* predictor, int64_t lanes,
              const uint64_t* codewords, int64_t count);
  // Once all is done: ends[i] is where the symbols of window i end, those of the windows in order.
  void ends(int64_t* ends) const;
  void gather(int32_t* symbols) const;

 protected:
  bool resume(int64_t index) override;
  void prefix(const Wish& wish, std::vector<int32_t>* symbols) const override;

 private:
  struct Place {
    int64_t item;
    uint128 codeword;
    std::vector<int32_t> symbols;
  };
  // Where in decoded_ the symbols of a window are.
  struct Piece {
    int64_t begin;
    int64_t size;
  };

  const uint64_t* codewords_;
  int64_t next_ = 0;
  std::vector<Place> places_;
  std::vector<Piece> pieces_;
  std::vector<int32_t> decoded_;
};

// All prefixes that own at least some number of codewords, as far as the memo has room, level by
// level.
class PreparingRun : public WindowRun {
 public:
  PreparingRun(WindowMemo* memo, const Predictor* predictor, int64_t lanes, uint128 least)
      : WindowRun(memo, predictor, lanes), least_(least) {}

 protected:
  bool resume(int64_t index) override;
  void prefix(const Wish& wish, std::vector<int32_t>* symbols) const override;

 private:
  struct Child {
    uint32_t symbol;
    Window window;
  };

  uint128 least_;
  uint32_t next_ = 0;            // node to be looked at
  std::vector<Child> children_;  // of the one before it, still to be asked for
};

}  // namespace eqinfo
