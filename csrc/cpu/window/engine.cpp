#include "cpu/window/engine.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace eqinfo {
namespace {

// A window takes about as long as so many bytes in other loops.
constexpr int64_t kWindowWork = 64;

}  // namespace

WindowRun::WindowRun(WindowMemo* memo, const Model* model, int64_t lanes)
    : memo_(memo),
      model_(model),
      lanes_(static_cast<size_t>(lanes)),
      context_stride_(aligned_size(memo->context_bytes())),
      contexts_(aligned_bytes(lanes_.size() * context_stride_)),
      predictions_(aligned_bytes(lanes_.size() * memo->prediction_bytes())) {
  size_t slots = 1;
  while (slots < 4 * lanes_.size()) slots *= 2;
  request_slots_.assign(slots, -1);
}

int64_t* WindowRun::find_request(uint32_t parent, uint32_t symbol) {
  const size_t mask = request_slots_.size() - 1;
  for (size_t i = edge_hash(parent, symbol) & mask;; i = (i + 1) & mask) {
    if (request_slots_[i] < 0) return &request_slots_[i];
    const Request& request = requests_[static_cast<size_t>(request_slots_[i])];
    if (request.parent == parent && request.symbol == symbol) return &request_slots_[i];
  }
}

void WindowRun::request_prediction(int64_t index, uint32_t symbol, const Window& window) {
  Lane& at = lane(index);
  at.window = window;
  at.waits = true;
  at.leads = true;
  at.request = requests();
  if (at.node != kNoNode) {
    int64_t* known = find_request(at.node, symbol);
    if (*known >= 0) {
      at.leads = false;
      at.request = *known;
      return;
    }
    *known = at.request;
    if (at.context_of != at.node) {
      std::memcpy(lane_context(index), memo_->context(at.node), memo_->context_bytes());
    }
  }
  requests_.push_back({at.node, symbol, window, index});
}

int64_t WindowRun::advance(Stop* stop) {
  checks_ = StopChecks(stop);
  requests_.clear();
  std::fill(request_slots_.begin(), request_slots_.end(), -1);
  requests_root_ = memo_->size() == 0;
  if (requests_root_) {
    requests_.push_back({kNoNode, 0, empty_window(memo_->window_bits()), 0});
    if (model_ != nullptr) model_->start(lane_context(0));
    return 1;
  }
  for (int64_t i = 0; i < lanes(); ++i) resume(i);
  return requests();
}

void WindowRun::requested_prefix(int64_t i, std::vector<int32_t>* symbols) const {
  symbols->clear();
  if (!requests_root_) prefix(requests_[static_cast<size_t>(i)], symbols);
}

void WindowRun::answer(const uint32_t* frequencies) {
  calls_ += requests();
  ++batches_;
  if (const std::vector<uint32_t>* moved = memo_->make_room(requests())) {
    for (Request& request : requests_) {
      if (request.parent != kNoNode) request.parent = (*moved)[request.parent];
    }
    for (Lane& at : lanes_) at.context_of = kNoNode;
  }
  request_nodes_.clear();
  for (const Request& request : requests_) {
    const uint32_t node = memo_->add(request.parent, request.symbol, request.window,
                                     lane_context(request.lane), frequencies);
    if (node == kNoNode) memo_->keep(request.window, frequencies, lane_prediction(request.lane));
    frequencies += memo_->alphabet();
    request_nodes_.push_back(node);
  }
  for (int64_t i = 0; i < lanes(); ++i) {
    Lane& at = lane(i);
    if (!at.waits) continue;
    at.waits = false;
    at.node = request_nodes_[static_cast<size_t>(at.request)];
    at.context_of = at.leads ? at.node : kNoNode;
    at.fresh = true;
    if (!at.leads && at.node == kNoNode) {
      const int64_t leader = requests_[static_cast<size_t>(at.request)].lane;
      std::memcpy(lane_prediction(i), lane_prediction(leader), memo_->prediction_bytes());
      std::memcpy(lane_context(i), lane_context(leader), memo_->context_bytes());
    }
  }
}

Result WindowRun::proceed(int64_t rounds, bool* done, Stop* stop) {
  for (int64_t round = 0; round < rounds; ++round) {
    if (stop != nullptr) stop->check();
    const int64_t count = advance(stop);
    *done = count == 0;
    if (*done) return {};
    step_contexts_.clear();
    step_symbols_.clear();
    for (const Request& request : requests_) {
      step_contexts_.push_back(lane_context(request.lane));
      step_symbols_.push_back(requests_root_ ? kFresh : static_cast<int32_t>(request.symbol));
    }
    frequencies_.resize(
        std::max(frequencies_.size(), static_cast<size_t>(count) * memo_->alphabet()));
    scratch_.resize(std::max(scratch_.size(), model_->scratch_bytes(count)));
    const auto begin = std::chrono::steady_clock::now();
    const Result result =
        model_->step(step_contexts_.data(), step_symbols_.data(), count, memo_->precision(),
                     frequencies_.data(), scratch_.data(), stop);
    model_seconds_ +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (result.status != Status::ok) return result;
    answer(frequencies_.data());
  }
  return {};
}

EncodingRun::EncodingRun(WindowMemo* memo, const Model* model, int64_t lanes,
                         const SymbolTexts& documents)
    : WindowRun(memo, model, lanes),
      documents_(documents),
      places_(static_cast<size_t>(lanes)),
      closed_(static_cast<size_t>(documents.count)) {}

bool EncodingRun::begin_document(int64_t index) {
  for (; next_ < documents_.count; ++next_) {
    const int64_t begin = documents_.offsets[next_];
    const int64_t end = documents_.offsets[next_ + 1];
    if (begin == end) continue;
    place(index) = {next_++, begin, begin, end};
    lane(index).busy = true;
    begin_window(&lane(index));
    return true;
  }
  return false;
}

void EncodingRun::close(int64_t index) {
  Place& at = place(index);
  closed_[static_cast<size_t>(at.document)].push_back(
      {lane(index).window, at.position - documents_.offsets[at.document]});
  checks_.after(kWindowWork);
  at.begin = at.position;
  begin_window(&lane(index));
}

bool EncodingRun::resume(int64_t index) {
  Lane& at = lane(index);
  if (!at.busy && !begin_document(index)) return false;
  for (;;) {
    Place& text = place(index);
    if (text.position == text.end) {
      close(index);
      at.busy = false;
      if (!begin_document(index)) return false;
      continue;
    }
    const uint32_t symbol = static_cast<uint32_t>(documents_.symbols[text.position]);
    if (descend(&at, symbol)) {
      ++text.position;
      ++symbols_;
      continue;
    }
    const Share share =
        at.window.shared == 0 ? Share{0, 0} : memo_->share(at.window, prediction(index), symbol);
    if (share.count == 0) {
      close(index);
      continue;
    }
    ++text.position;
    ++symbols_;
    const Window child = window_child(at.window, share);
    // A window that closes in any case needs no prediction.
    if (child.shared == 0 || text.position == text.end) {
      descend_to(&at, child);
      continue;
    }
    request_prediction(index, symbol, child);
    return true;
  }
}

void EncodingRun::prefix(const Request& request, std::vector<int32_t>* symbols) const {
  const Place& at = places_[static_cast<size_t>(request.lane)];
  symbols->assign(documents_.symbols + at.begin, documents_.symbols + at.position);
}

DecodingRun::DecodingRun(WindowMemo* memo, const Model* model, int64_t lanes,
                         const uint64_t* codewords, int64_t count)
    : WindowRun(memo, model, lanes),
      codewords_(codewords),
      places_(static_cast<size_t>(lanes)),
      pieces_(static_cast<size_t>(count)) {}

bool DecodingRun::resume(int64_t index) {
  Lane& at = lane(index);
  Place& text = places_[static_cast<size_t>(index)];
  for (;;) {
    if (!at.busy) {
      if (next_ == static_cast<int64_t>(pieces_.size())) return false;
      text.item = next_++;
      text.codeword = load_codeword(codewords_ + 2 * text.item);
      text.symbols.clear();
      at.busy = true;
      begin_window(&at);
    }
    if (text.codeword == at.window.base) {
      pieces_[static_cast<size_t>(text.item)] = {static_cast<int64_t>(decoded_.size()),
                                                 static_cast<int64_t>(text.symbols.size())};
      decoded_.insert(decoded_.end(), text.symbols.begin(), text.symbols.end());
      at.busy = false;
      checks_.after(kWindowWork);
      continue;
    }
    Window child = at.window;
    const uint32_t symbol = memo_->decode(&child, prediction(index), text.codeword);
    text.symbols.push_back(static_cast<int32_t>(symbol));
    ++symbols_;
    if (descend(&at, symbol)) continue;
    if (text.codeword == child.base) {
      descend_to(&at, child);
      continue;
    }
    request_prediction(index, symbol, child);
    return true;
  }
}

void DecodingRun::prefix(const Request& request, std::vector<int32_t>* symbols) const {
  *symbols = places_[static_cast<size_t>(request.lane)].symbols;
}

void DecodingRun::ends(int64_t* ends) const {
  int64_t end = 0;
  for (const Piece& piece : pieces_) *ends++ = end += piece.size;
}

void DecodingRun::gather(int32_t* symbols) const {
  for (const Piece& piece : pieces_) {
    symbols = std::copy_n(decoded_.data() + piece.begin, piece.size, symbols);
  }
}

bool PreparingRun::resume(int64_t index) {
  if (!memo_->has_room(requests() + 1)) return false;
  for (;;) {
    if (children_.empty()) {
      if (next_ == memo_->size()) return false;
      memo_->for_each_child(next_++, [&](uint32_t symbol, const Window& window) {
        if (window.shared >= least_ - 1) children_.push_back({symbol, window});
      });
      continue;
    }
    const Child child = children_.back();
    children_.pop_back();
    if (memo_->find(next_ - 1, child.symbol) != kNoNode) continue;
    lane(index).node = next_ - 1;
    request_prediction(index, child.symbol, child.window);
    return true;
  }
}

void PreparingRun::prefix(const Request& request, std::vector<int32_t>* symbols) const {
  memo_->prefix(request.parent, symbols);
  symbols->push_back(static_cast<int32_t>(request.symbol));
}

}  // namespace eqinfo
