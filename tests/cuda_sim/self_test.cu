// Kernels that use what the kernels of csrc/cuda use, and faulty ones, to test the simulators
// themselves.
#include <cstdint>

struct CombineArguments {
  const uint32_t* values;
  uint32_t* results;  // 8 per thread
  uint32_t* sums;     // (blocks)
};

// Shared memory, barriers and warp operations.
extern "C" __global__ void __launch_bounds__(96) eqinfo_combine(CombineArguments arguments) {
  __shared__ uint32_t sums[3];
  __shared__ unsigned long long least;
  const uint32_t thread = blockIdx.x * blockDim.x + threadIdx.x;
  const uint32_t lane = threadIdx.x % 32;
  uint32_t value = arguments.values[thread];
  uint32_t* results = arguments.results + 8 * thread;
  if (threadIdx.x == 0) least = ~0ull;
  results[0] = __shfl_sync(~0u, value, 5);
  results[1] = __shfl_up_sync(~0u, value, 3);
  results[2] = __shfl_down_sync(~0u, value, 7, 16);
  results[3] = __ballot_sync(~0u, value & 1);
  results[4] = __popc(__ballot_sync(~0u, lane < value % 32));
  if (lane < 8) results[5] = __shfl_xor_sync(0xffu, value, 1);
  for (int distance = 16; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(~0u, value, distance);
  }
  if (lane == 0) sums[threadIdx.x / 32] = value;
  __syncthreads();
  results[6] = sums[(threadIdx.x / 32 + 1) % 3];
  atomicMin(&least, (static_cast<unsigned long long>(results[6]) << 32) + lane);
  __syncthreads();
  results[7] = static_cast<uint32_t>(least >> 32);
  atomicAdd(arguments.sums + blockIdx.x, results[0]);
}

struct ArithmeticArguments {
  const uint64_t* a;
  const uint64_t* b;
  uint64_t* results;  // 7 per pair
  int64_t count;
};

// 128-bit numbers, division, shifts by variables, a local array, and a call.
__device__ __attribute__((noinline)) uint64_t gather_bytes(const uint8_t* bytes, uint64_t order) {
  uint64_t result = 0;
  for (int i = 0; i < 8; ++i) result = result << 8 | bytes[order >> (8 * i) & 15];
  return result;
}

extern "C" __global__ void eqinfo_arithmetic(ArithmeticArguments arguments) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= arguments.count) return;
  const uint64_t a = arguments.a[i];
  const uint64_t b = arguments.b[i];
  uint64_t* results = arguments.results + 7 * i;
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  results[0] = static_cast<uint64_t>(product >> 64);
  results[1] = static_cast<uint64_t>((product + a) / (b | 1));
  results[2] = static_cast<uint64_t>(((product << 7) - b) >> (a & 127));
  results[3] = a % (b >> 32 | 1) + static_cast<uint32_t>(b) / (static_cast<uint32_t>(a) | 1);
  uint8_t bytes[16];
  for (int k = 0; k < 16; ++k) bytes[k] = static_cast<uint8_t>(product >> (8 * k));
  results[4] = gather_bytes(bytes, b);
  const int64_t difference = static_cast<int64_t>(a - b);
  results[5] = static_cast<uint64_t>(difference >> (b & 63)) + __clzll(difference);
  results[6] = static_cast<uint32_t>(
      __dp4a(static_cast<int>(a), static_cast<int>(b), static_cast<int>(a >> 32)));
}

struct ConvertArguments {
  const float* values;
  const float* others;
  uint32_t* results;  // 4 per value
};

extern "C" __global__ void eqinfo_convert(ConvertArguments arguments) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  const float value = arguments.values[i];
  const float other = arguments.others[i];
  uint32_t* results = arguments.results + 4 * i;
  results[0] = static_cast<uint32_t>(__float2int_rn(value));
  results[1] = __float_as_uint((value - other) * 3.0f);
  results[2] = (value < other) | (value == other) << 1 | (value != value) << 2;
  results[3] = __float_as_uint(value > other ? value : other);
}

// --- faulty kernels: `fault` says what they do wrong ---

enum class Fault : int32_t {
  none,
  no_barrier,
  other_barrier,
  mask_without_self,
  masks_differ,
  lane_not_in_mask,
  lane_ended,
  some_at_barrier,
  endless,
  read_beyond,
  write_beyond,
  write_constant,
  misaligned,
  shared_beyond
};

struct WrongArguments {
  const uint32_t* values;  // (64)
  uint32_t* results;       // (64)
  Fault fault;
};

extern "C" __global__ void eqinfo_wrong(WrongArguments arguments) {
  __shared__ uint32_t shared[64];
  const uint32_t thread = threadIdx.x;
  const Fault fault = arguments.fault;
  uint32_t value = arguments.values[thread];
  if (fault == Fault::lane_ended && thread == 3) return;
  shared[thread] = value;
  if (fault != Fault::no_barrier) {
    if (fault == Fault::other_barrier && thread >= 32) {
      __syncthreads();
      ++value;
    } else if (fault != Fault::some_at_barrier || thread < 32) {
      __syncthreads();
    }
  }
  uint32_t mask = ~0u;
  if (fault == Fault::mask_without_self) mask = ~1u;
  if (fault == Fault::masks_differ) mask = thread % 32 < 16 ? ~0u : ~0u << 16;
  if (fault != Fault::lane_not_in_mask || thread % 32 < 8) {
    if (fault == Fault::lane_not_in_mask) mask = 0xff;
    value += __shfl_sync(mask, value, fault == Fault::lane_not_in_mask ? 9 : 0);
  }
  if (fault == Fault::endless) {
    while (*static_cast<volatile uint32_t*>(arguments.results) != 12345) ++value;
  }
  if (fault == Fault::read_beyond) value += arguments.values[64 + thread];
  if (fault == Fault::write_beyond) arguments.results[64 + thread] = value;
  if (fault == Fault::write_constant) const_cast<uint32_t*>(arguments.values)[thread] = value;
  if (fault == Fault::misaligned) {
    arguments.results =
        reinterpret_cast<uint32_t*>(reinterpret_cast<uint8_t*>(arguments.results) + 1);
    if (thread == 63) return;
  }
  if (fault == Fault::shared_beyond) value += shared[64 + thread];
  arguments.results[thread] = value + shared[63 - thread];
}
