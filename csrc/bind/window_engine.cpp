#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bind/arrays.h"
#include "bind/call_lock.h"
#include "bind/construct.h"
#include "bind/model.h"
#include "bind/register.h"
#include "cpu/memory.h"
#include "cpu/window/engine.h"

namespace eqinfo::bind {
namespace {

// A memo, and the number of runs that began with it. Only the last of them may use it. All of them
// take the lock, because threads may share a run, and a new run may begin during a call.
struct Memo {
  WindowMemo memo;
  CallLock lock;
  std::atomic<int64_t> runs{0};

  Memo(uint32_t window_bits, uint32_t precision, int64_t alphabet, const OptionalModel& model,
       uint64_t memory)
      : Memo(window_bits, precision, alphabet, pointer_to(model), memory) {}

 private:
  Memo(uint32_t window_bits, uint32_t precision, int64_t alphabet, const Model* model,
       uint64_t memory)
      : memo((check_parameters(window_bits, precision, alphabet, model), window_bits), precision,
             static_cast<uint32_t>(alphabet), model == nullptr ? 0 : model->context_bytes(),
             memory) {}

  static void check_parameters(uint32_t window_bits, uint32_t precision, int64_t alphabet,
                               const Model* model) {
    require_window_bits(window_bits);
    require_precision(alphabet, precision);
    require(precision <= window_bits, "expected window_bits of at least the precision (", precision,
            "), found ", window_bits);
    require(model == nullptr || model->alphabet() == alphabet, "expected a model of ", alphabet,
            " symbols, found one of ", model == nullptr ? 0 : model->alphabet());
  }
};

// What all runs share. Between calls, the only Python memory that a run refers to is what `arrays`
// keeps alive. Predictions are asked for and answered in turn: the window of a lane that waits is
// no longer that of the prediction at hand, which the lane would read beyond its end.
class Run {
 public:
  Run(std::shared_ptr<Memo> memo, OptionalModel model, py::object arrays)
      : memo_(std::move(memo)),
        number_(++memo_->runs),
        model_(std::move(model)),
        arrays_(std::move(arrays)) {}
  virtual ~Run() = default;

  int64_t advance() {
    continue_run([&](Stop* stop) {
      wanted_ = run().advance(stop);
      return Result{};
    });
    return wanted_;
  }

  // The last `limit` symbols of every prefix that needs a prediction, shape (n, width) padded with
  // zeros, and the length of each.
  py::typing::Tuple<Array<int32_t>, Array<int32_t>> prefixes(int64_t limit) {
    require(limit >= 1, "expected limit of at least 1, found ", limit);
    const CallTurn turn(lock());
    require_current();
    std::vector<std::vector<int32_t>> prefixes(static_cast<size_t>(wanted_));
    int64_t width = 1;
    for (int64_t i = 0; i < wanted_; ++i) {
      std::vector<int32_t>& prefix = prefixes[static_cast<size_t>(i)];
      run().requested_prefix(i, &prefix);
      const int64_t size = static_cast<int64_t>(prefix.size());
      if (size > limit) prefix.erase(prefix.begin(), prefix.end() - limit);
      width = std::max(width, std::min(size, limit));
    }
    Array<int32_t> contexts({wanted_, width});
    Array<int32_t> lengths(wanted_);
    int32_t* out = contexts.mutable_data();
    std::fill_n(out, wanted_ * width, 0);
    for (size_t i = 0; i < prefixes.size(); ++i, out += width) {
      std::copy(prefixes[i].begin(), prefixes[i].end(), out);
      lengths.mutable_data()[i] = static_cast<int32_t>(prefixes[i].size());
    }
    return py::make_tuple(contexts, lengths);
  }

  void answer(const py::array& predictions) {
    const Rows rows = rows_of(predictions, memo_->memo.precision());
    run_without_gil([&](Stop* stop) {
      const CallTurn turn(lock(), stop);
      require_current();
      if (wanted_ == 0 || rows.count != wanted_ || rows.alphabet != memo_->memo.alphabet()) {
        throw py::value_error("expected one row of " + std::to_string(memo_->memo.alphabet()) +
                              " symbols for each of " + std::to_string(wanted_) +
                              " prefixes, found " + std::to_string(rows.count) + " rows of " +
                              std::to_string(rows.alphabet));
      }
      std::vector<uint32_t> scratch;
      const uint32_t* frequencies = nullptr;
      const Result result = frequencies_of(rows, &scratch, &frequencies, stop);
      if (result.status != Status::ok) return result;
      whole_ = false;
      run().answer(frequencies);
      whole_ = true;
      wanted_ = 0;
      return result;
    });
  }

  bool proceed(int64_t rounds) {
    require(!model_.is_none(), "expected a run with a native model, found one without a model");
    bool done = false;
    continue_run([&](Stop* stop) { return run().proceed(rounds, &done, stop); });
    return done;
  }

  int64_t symbols() { return run().symbols(); }
  int64_t calls() { return run().calls(); }
  int64_t batches() { return run().batches(); }
  double model_seconds() { return run().model_seconds(); }

 protected:
  virtual WindowRun& run() = 0;
  CallLock* lock() { return &memo_->lock; }
  WindowMemo* memo() { return &memo_->memo; }
  const Model* model() { return pointer_to(model_); }
  void require_lanes(int64_t lanes) {
    require_lane_count(lanes);
    const Model* own = model();
    require(own == nullptr || (own->context_bytes() == memo()->context_bytes() &&
                               own->alphabet() == memo()->alphabet()),
            "expected a memo for this model, found one for another alphabet or context size");
  }

 private:
  // Under the lock, with or without the GIL.
  void require_current() const {
    if (number_ != memo_->runs) {
      throw py::value_error(
          "expected the latest run of its memo, found that another run has begun with it");
    }
    if (!whole_) {
      throw std::runtime_error(
          "expected a run that no failed call has ended, found one; begin a new one");
    }
  }

  // Runs work(stop), which lets lanes continue.
  template <typename Work>
  void continue_run(const Work& work) {
    run_without_gil([&](Stop* stop) {
      const CallTurn turn(lock(), stop);
      require_current();
      if (wanted_ != 0) {
        throw py::value_error("expected predictions for " + std::to_string(wanted_) +
                              " prefixes first, found a call that continues");
      }
      whole_ = false;
      const Result result = work(stop);
      whole_ = result.status == Status::ok;
      return result;
    });
  }

  // The frequencies of all rows, computed into `scratch` where they are logits.
  static Result frequencies_of(const Rows& rows, std::vector<uint32_t>* scratch,
                               const uint32_t** frequencies, Stop* stop) {
    if (rows.logits != nullptr) {
      scratch->resize(static_cast<size_t>(rows.count) * rows.alphabet);
      *frequencies = scratch->data();
      return frequency_rows(rows, scratch->data(), stop);
    }
    *frequencies = rows.frequencies;
    return for_each_row(rows, nullptr, stop, [](int64_t, const uint32_t*) {});
  }

  std::shared_ptr<Memo> memo_;
  int64_t number_;
  OptionalModel model_;
  py::object arrays_;
  int64_t wanted_ = 0;  // predictions that are asked for
  bool whole_ = true;   // no call has ended early
};

class Encoding : public Run {
 public:
  Encoding(std::shared_ptr<Memo> memo, OptionalModel model, int64_t lanes,
           const Array<int32_t>& symbols, const Array<int64_t>& offsets)
      : Run(std::move(memo), std::move(model), py::make_tuple(symbols, offsets)),
        documents_(offsets.size() - 1) {
    require_lanes(lanes);
    require_shape(symbols, "symbols", {-1});
    require_all_offsets(offsets, symbols.size(), "symbols");
    const int32_t* const values = symbols.data();
    run_without_gil([&](Stop* stop) {
      return check_symbols(values, symbols.size(), this->memo()->alphabet(), stop);
    });
    run_ = std::make_unique<EncodingRun>(this->memo(), this->model(), lanes,
                                         SymbolTexts{values, offsets.data(), documents_});
  }

  // For all documents: every window as four words (base and shared), where each window ends in its
  // document, and where the windows of each document begin.
  py::typing::Tuple<Array<uint64_t>, Array<int64_t>, Array<int64_t>> windows() {
    const CallTurn turn(lock());
    Array<int64_t> offsets(documents_ + 1);
    int64_t count = 0;
    for (int64_t i = 0; i < documents_; ++i) {
      offsets.mutable_data()[i] = count;
      count += static_cast<int64_t>(run_->windows(i).size());
    }
    offsets.mutable_data()[documents_] = count;
    Array<uint64_t> words({count, kWindowWords});
    Array<int64_t> ends(count);
    uint64_t* words_out = words.mutable_data();
    int64_t* ends_out = ends.mutable_data();
    for (int64_t i = 0; i < documents_; ++i) {
      for (const ClosedWindow& closed : run_->windows(i)) {
        store_codeword(closed.window.base, words_out);
        store_codeword(closed.window.shared, words_out + 2);
        words_out += kWindowWords;
        *ends_out++ = closed.end;
      }
    }
    return py::make_tuple(words, ends, offsets);
  }

 protected:
  WindowRun& run() override { return *run_; }

 private:
  int64_t documents_;
  std::unique_ptr<EncodingRun> run_;
};

class Decoding : public Run {
 public:
  Decoding(std::shared_ptr<Memo> memo, OptionalModel model, int64_t lanes,
           const Array<uint64_t>& codewords)
      : Run(std::move(memo), std::move(model), codewords), windows_(codewords.shape(0)) {
    require_lanes(lanes);
    require_shape(codewords, "codewords", {-1, 2});
    for (int64_t i = 0; i < windows_; ++i) {
      if (load_codeword(codewords.data() + 2 * i) > all_codewords(this->memo()->window_bits())) {
        check({Status::corrupt_stream, i});
      }
    }
    run_ = std::make_unique<DecodingRun>(this->memo(), this->model(), lanes, codewords.data(),
                                         windows_);
  }

  // The symbols of all windows, in order, and where those of each window end.
  py::typing::Tuple<Array<int32_t>, Array<int64_t>> decoded() {
    const CallTurn turn(lock());
    Array<int64_t> ends(windows_);
    run_->ends(ends.mutable_data());
    Array<int32_t> symbols(windows_ == 0 ? 0 : ends.data()[windows_ - 1]);
    run_->gather(symbols.mutable_data());
    return py::make_tuple(symbols, ends);
  }

 protected:
  WindowRun& run() override { return *run_; }

 private:
  int64_t windows_;
  std::unique_ptr<DecodingRun> run_;
};

class Preparing : public Run {
 public:
  Preparing(std::shared_ptr<Memo> memo, OptionalModel model, int64_t lanes, uint32_t least_bits)
      : Run(std::move(memo), std::move(model), py::none()) {
    require_lanes(lanes);
    require(least_bits >= 1 && least_bits <= this->memo()->window_bits(),
            "expected least_bits of 1 to window_bits (", this->memo()->window_bits(), "), found ",
            least_bits);
    const uint128 least = all_codewords(least_bits) + 1;
    run_ = std::make_unique<PreparingRun>(this->memo(), this->model(), lanes, least);
  }

 protected:
  WindowRun& run() override { return *run_; }

 private:
  std::unique_ptr<PreparingRun> run_;
};

}  // namespace

void register_window_engine(py::module_& module) {
  py::class_<Memo, std::shared_ptr<Memo>> memos(module, "WindowMemo");
  define_constructor<Memo, uint32_t, uint32_t, int64_t, const OptionalModel&, uint64_t>(
      memos, py::arg("window_bits"), py::arg("precision"), py::arg("vocab_size"), py::arg("model"),
      py::arg("memory"))
      .def_property_readonly("nodes", [](const Memo& self) { return self.memo.size(); })
      .def_property_readonly("bytes", [](const Memo& self) { return self.memo.bytes(); })
      .def_property_readonly("times_full", [](const Memo& self) { return self.memo.times_full(); });
  const auto memo = py::arg("memo");
  const auto model = py::arg("model");
  const auto lanes = py::arg("lanes");
  py::class_<Run>(module, "WindowRun")
      .def("advance", &Run::advance)
      .def("prefixes", &Run::prefixes, py::arg("limit"))
      .def("answer", &Run::answer, py::arg("rows"))
      .def("proceed", &Run::proceed, py::arg("rounds"))
      .def_property_readonly("symbols", &Run::symbols)
      .def_property_readonly("calls", &Run::calls)
      .def_property_readonly("batches", &Run::batches)
      .def_property_readonly("model_seconds", &Run::model_seconds);
  py::class_<Encoding, Run> encoding(module, "WindowEncoding");
  define_constructor<Encoding, std::shared_ptr<Memo>, OptionalModel, int64_t, const Array<int32_t>&,
                     const Array<int64_t>&>(
      encoding, memo, model, lanes, py::arg("symbols").noconvert(), py::arg("offsets").noconvert())
      .def("windows", &Encoding::windows);
  py::class_<Decoding, Run> decoding(module, "WindowDecoding");
  define_constructor<Decoding, std::shared_ptr<Memo>, OptionalModel, int64_t,
                     const Array<uint64_t>&>(decoding, memo, model, lanes,
                                             py::arg("codewords").noconvert())
      .def("decoded", &Decoding::decoded);
  py::class_<Preparing, Run> preparing(module, "WindowPreparing");
  define_constructor<Preparing, std::shared_ptr<Memo>, OptionalModel, int64_t, uint32_t>(
      preparing, memo, model, lanes, py::arg("least_bits"));
}

}  // namespace eqinfo::bind
