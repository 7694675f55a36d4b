// Times the native core of codebooks alone, without Python: `benchmark_codebook NODES TEXT REPEATS
// CORE`. NODES holds the arrays of a codebook one after the other: uint32 depth, uint8 symbol,
// uint8 end. The first line printed is the number of bytes of text and of ids. Each further line is
// one repeat, in seconds. First, processor time on CORE: encoding, encoding in scalar code,
// decoding, memcpy. Then the wall clock, on all cores: encoding on one thread, on two threads, and
// two encodings at once with one thread each, which is the best that two threads can do here.
#include <malloc.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "cpu/codebook/decode.h"
#include "cpu/codebook/encode.h"
#include "cpu/dispatch.h"

namespace {

using eqinfo::CodebookTables;
using Bytes = std::vector<char>;

[[noreturn]] void fail(const std::string& reason) {
  std::fprintf(stderr, "benchmark_codebook: %s\n", reason.c_str());
  std::exit(1);
}

Bytes read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(std::string("cannot read ") + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

CodebookTables read_tables(const char* path) {
  const Bytes file = read(path);
  const size_t count = file.size() / (sizeof(uint32_t) + 2);
  std::vector<uint32_t> depth(count);
  std::vector<uint8_t> symbol(count);
  std::vector<uint8_t> end(count);
  const char* at = file.data();
  std::memcpy(depth.data(), at, count * sizeof(uint32_t));
  std::memcpy(symbol.data(), at += count * sizeof(uint32_t), count);
  std::memcpy(end.data(), at + count, count);
  int64_t ids = 0;
  for (const uint8_t ends : end) ids += ends;
  CodebookTables tables;
  const eqinfo::Result result = eqinfo::build_codebook(
      {depth.data(), symbol.data(), end.data(), static_cast<uint32_t>(count)}, ids, &tables);
  if (result.status != eqinfo::Status::ok) {
    fail(std::string(path) + " is not a codebook in the form that benchmarks/codebook.py writes");
  }
  return tables;
}

double now(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <typename Run>
double seconds(const Run& run, clockid_t clock = CLOCK_PROCESS_CPUTIME_ID) {
  const double begin = now(clock);
  run();
  return now(clock) - begin;
}

// Threads started later inherit these cores.
void run_on(const cpu_set_t& cores) {
  if (sched_setaffinity(0, sizeof cores, &cores) != 0) {
    fail("this process may not run on that core");
  }
}

template <typename Id>
void time_codebook(const CodebookTables& tables, const Bytes& text, int repeats, size_t core) {
  cpu_set_t all_cores;
  sched_getaffinity(0, sizeof all_cores, &all_cores);
  cpu_set_t one_core;
  CPU_ZERO(&one_core);
  CPU_SET(core, &one_core);
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto size = static_cast<int64_t>(text.size());
  const eqinfo::Texts texts{&bytes, &size, nullptr, nullptr, 1};
  eqinfo::Growing<uint8_t> decoded;
  Bytes copy(text.size());
  for (int repeat = -1; repeat < repeats; ++repeat) {
    eqinfo::Growing<Id> scalar_ids;
    eqinfo::Growing<Id> ids;
    int64_t end = 0;
    run_on(one_core);
    eqinfo::set_instruction_set(eqinfo::InstructionSet::scalar);
    const double scalar =
        seconds([&] { eqinfo::codebook_encode_texts(tables, texts, 1, &scalar_ids, &end); });
    eqinfo::set_instruction_set(eqinfo::best_instruction_set());
    const double encoding =
        seconds([&] { eqinfo::codebook_encode_texts(tables, texts, 1, &ids, &end); });
    if (ids.size() != scalar_ids.size() ||
        !std::equal(ids.data(), ids.data() + ids.size(), scalar_ids.data())) {
      fail("scalar code gives different ids");
    }
    const double decoding = seconds([&] {
      // `decoded` has no bytes in use yet, so every repeat gets the same memory.
      const int64_t room = eqinfo::codebook_expected_bytes(tables.strings(), ids.data(), end);
      const int64_t offsets[2] = {0, end};
      int64_t text_offsets[2];
      eqinfo::Decoded done;
      const eqinfo::Result result =
          eqinfo::codebook_decode_onward(tables.strings(), ids.data(), offsets, 1,
                                         decoded.reserve(room), room, text_offsets, &done);
      if (result.status != eqinfo::Status::ok || done.bytes != size) {
        fail("the decoded text has the wrong length");
      }
    });
    const double copying = seconds([&] { std::memcpy(copy.data(), text.data(), text.size()); });
    if (!std::equal(bytes, bytes + size, decoded.data()) || copy != text) {
      fail("the decoded text differs from the text");
    }
    run_on(all_cores);
    const auto encode = [&](int threads) {
      eqinfo::Growing<Id> again;
      int64_t count = 0;
      eqinfo::codebook_encode_texts(tables, texts, threads, &again, &count);
    };
    const double one = seconds([&] { encode(1); }, CLOCK_MONOTONIC);
    const double two = seconds([&] { encode(2); }, CLOCK_MONOTONIC);
    const double twice = seconds(
        [&] {
          std::thread other(encode, 1);
          encode(1);
          other.join();
        },
        CLOCK_MONOTONIC);
    if (repeat < 0) {
      std::printf("%lld %lld\n", static_cast<long long>(size), static_cast<long long>(end));
    } else {
      std::printf("%.9f %.9f %.9f %.9f %.9f %.9f %.9f\n", encoding, scalar, decoding, copying, one,
                  two, twice);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) fail("expected NODES TEXT REPEATS CORE");
  // Freed memory is reused, so that no page is new from the second repeat on.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  const CodebookTables tables = read_tables(argv[1]);
  const Bytes text = read(argv[2]);
  const int repeats = std::atoi(argv[3]);
  const auto core = static_cast<size_t>(std::atoi(argv[4]));
  if (tables.wide_ids()) {
    time_codebook<uint32_t>(tables, text, repeats, core);
  } else {
    time_codebook<uint16_t>(tables, text, repeats, core);
  }
}
