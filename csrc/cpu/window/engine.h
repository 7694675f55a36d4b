// Codes bijective windows of many documents in parallel, with the model reset at every window.
// Lanes walk through a memo of prefixes, and the model is asked only for predictions that the memo
// lacks, for all lanes at once.
//
// The caller drives a run: advance() lets every lane continue until it needs a prediction, and
// answer() takes the predictions. What is coded depends neither on the memo nor on the lanes.
#pragma once

#include <vector>

#include "cpu/memory.h"
#include "cpu/model/model.h"
#include "cpu/stop.h"
#include "cpu/window/memo.h"

namespace eqinfo {

// The symbols of documents, one after the other: document i is
// symbols[offsets[i]..offsets[i + 1]).
struct SymbolTexts {
  const int32_t* symbols;
  const int64_t* offsets;
  int64_t count;
};

// A window that is complete, and where it ends in its document, in symbols.
struct ClosedWindow {
  Window window;
  int64_t end;
};

class WindowRun {
 public:
  // `model` is null where the caller makes the predictions. The contexts of the memo have the size
  // of the model's, or are empty.
  WindowRun(WindowMemo* memo, const Model* model, int64_t lanes);
  virtual ~WindowRun() = default;
  WindowRun(const WindowRun&) = delete;
  WindowRun& operator=(const WindowRun&) = delete;

  // Continues every lane; returns how many predictions are needed, 0 when the run is complete.
  // Stopped, the run cannot continue; the memo stays valid.
  int64_t advance(Stop* stop = nullptr);
  // All symbols of the prefix for which prediction i is needed.
  void requested_prefix(int64_t i, std::vector<int32_t>* symbols) const;
  // Takes the frequencies of those predictions, shape (requests, alphabet).
  void answer(const uint32_t* frequencies);
  // Repeats advance, the model's step and answer, up to `rounds` times or until the run is
  // complete. After a fault the run cannot continue; the memo stays valid.
  Result proceed(int64_t rounds, bool* done, Stop* stop = nullptr);

  // So far: symbols coded, predictions requested, and the number of batches that made them.
  int64_t symbols() const { return symbols_; }
  int64_t calls() const { return calls_; }
  int64_t batches() const { return batches_; }
  // Seconds that the model took for them; proceed() only.
  double model_seconds() const { return model_seconds_; }

 protected:
  struct Lane {
    Window window{0, 0};
    // The prefix in the memo; kNoNode where the lane itself holds its prediction and context.
    uint32_t node = kNoNode;
    bool busy = false;              // has a document or window to code
    bool waits = false;             // for a prediction
    bool fresh = false;             // its node has just been added, and has no children yet
    bool leads = false;             // is the first lane that waits for its prediction
    int64_t request = 0;            // the prediction that it waits for
    uint32_t context_of = kNoNode;  // the node whose context the lane holds
  };

  // A prediction that is needed: for the window that a lane's window becomes with one more symbol.
  // `parent` is the node of the lane.
  struct Request {
    uint32_t parent;
    uint32_t symbol;
    Window window;
    int64_t lane;
  };

  Lane& lane(int64_t index) { return lanes_[static_cast<size_t>(index)]; }
  int64_t lanes() const { return static_cast<int64_t>(lanes_.size()); }
  int64_t requests() const { return static_cast<int64_t>(requests_.size()); }
  const uint8_t* prediction(int64_t index) {
    const Lane& at = lane(index);
    return at.node != kNoNode ? memo_->prediction(at.node) : lane_prediction(index);
  }
  void begin_window(Lane* at) const {
    at->window = empty_window(memo_->window_bits());
    at->node = 0;
    at->fresh = false;
  }
  // Moves to the prefix that is one symbol longer if the memo holds it.
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
  // Moves to a prefix for which no prediction is needed.
  static void descend_to(Lane* at, const Window& window) {
    at->node = kNoNode;
    at->window = window;
  }
  // Requests the prediction for a longer prefix, which the memo does not hold.
  void request_prediction(int64_t index, uint32_t symbol, const Window& window);

  // Codes as far as the known predictions allow; true where one more is needed. Calls
  // checks_.after for every window.
  virtual bool resume(int64_t index) = 0;
  // All symbols of the prefix for which a prediction is needed.
  virtual void prefix(const Request& request, std::vector<int32_t>* symbols) const = 0;

  WindowMemo* memo_;
  int64_t symbols_ = 0;
  StopChecks checks_{nullptr};  // for resume()

 private:
  int64_t* find_request(uint32_t parent, uint32_t symbol);
  uint8_t* lane_context(int64_t lane) const {
    return contexts_.get() + static_cast<size_t>(lane) * context_stride_;
  }
  uint8_t* lane_prediction(int64_t lane) const {
    return predictions_.get() + static_cast<size_t>(lane) * memo_->prediction_bytes();
  }

  const Model* model_;
  std::vector<Lane> lanes_;
  bool requests_root_ = false;  // the only request is for the empty prefix
  size_t context_stride_;
  AlignedBytes contexts_;
  AlignedBytes predictions_;
  std::vector<Request> requests_;
  std::vector<int64_t> request_slots_;  // by hash of parent and symbol: a request, or -1
  std::vector<uint32_t> request_nodes_;
  std::vector<uint8_t*> step_contexts_;
  std::vector<int32_t> step_symbols_;
  std::vector<uint32_t> frequencies_;
  std::vector<uint8_t> scratch_;
  int64_t calls_ = 0;
  int64_t batches_ = 0;
  double model_seconds_ = 0.0;
};

// Encodes documents to windows, one document per lane.
class EncodingRun : public WindowRun {
 public:
  // All symbols must be below the alphabet size.
  EncodingRun(WindowMemo* memo, const Model* model, int64_t lanes, const SymbolTexts& documents);
  // When the run is complete: the windows of a document.
  const std::vector<ClosedWindow>& windows(int64_t document) const {
    return closed_[static_cast<size_t>(document)];
  }

 protected:
  bool resume(int64_t index) override;
  void prefix(const Request& request, std::vector<int32_t>* symbols) const override;

 private:
  struct Place {
    int64_t document;
    int64_t begin;  // of the window
    int64_t position;
    int64_t end;  // of the document; all three index documents_.symbols
  };
  bool begin_document(int64_t index);
  void close(int64_t index);
  Place& place(int64_t index) { return places_[static_cast<size_t>(index)]; }

  SymbolTexts documents_;
  int64_t next_ = 0;
  std::vector<Place> places_;
  std::vector<std::vector<ClosedWindow>> closed_;
};

// Decodes windows to symbols, one window per lane.
class DecodingRun : public WindowRun {
 public:
  // Every codeword is two words and below 2^window_bits.
  DecodingRun(WindowMemo* memo, const Model* model, int64_t lanes, const uint64_t* codewords,
              int64_t count);
  // When the run is complete: ends[i] is where the symbols of window i end, if those of all windows
  // follow each other in order, as gather() writes them.
  void ends(int64_t* ends) const;
  void gather(int32_t* symbols) const;

 protected:
  bool resume(int64_t index) override;
  void prefix(const Request& request, std::vector<int32_t>* symbols) const override;

 private:
  struct Place {
    int64_t item;
    uint128 codeword;
    std::vector<int32_t> symbols;
  };
  // Where the symbols of a window are in decoded_.
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

// Fills the memo with the prefixes that own at least `least` codewords, level by level, as far as
// it has room.
class PreparingRun : public WindowRun {
 public:
  PreparingRun(WindowMemo* memo, const Model* model, int64_t lanes, uint128 least)
      : WindowRun(memo, model, lanes), least_(least) {}

 protected:
  bool resume(int64_t index) override;
  void prefix(const Request& request, std::vector<int32_t>* symbols) const override;

 private:
  struct Child {
    uint32_t symbol;
    Window window;
  };

  uint128 least_;
  uint32_t next_ = 0;            // the next node whose children are requested
  std::vector<Child> children_;  // of the node before it, not yet requested
};

}  // namespace eqinfo
