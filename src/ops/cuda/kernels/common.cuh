// What all kernels share: formats, vectors, sums of a block. Sums are in single precision and in a fixed order.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>

typedef unsigned int u32;
typedef unsigned long long u64;

// Threads of a block that goes through maps.
#define THREADS 256

__device__ __forceinline__ float wide(float v) { return v; }
__device__ __forceinline__ float wide(__half v) { return __half2float(v); }
__device__ __forceinline__ float wide(__nv_bfloat16 v) { return __bfloat162float(v); }

__device__ __forceinline__ void narrow(float& to, float v) { to = v; }
__device__ __forceinline__ void narrow(__half& to, float v) { to = __float2half_rn(v); }
__device__ __forceinline__ void narrow(__nv_bfloat16& to, float v) { to = __float2bfloat16_rn(v); }

// V values that are read and written at once, 16 bytes where the channels allow.
template <int BYTES> struct Bits;
template <> struct Bits<2> { typedef unsigned short Of; };
template <> struct Bits<4> { typedef u32 Of; };
template <> struct Bits<16> { typedef uint4 Of; };

template <typename T, int V> struct Pack {
    union {
        typename Bits<sizeof(T) * V>::Of bits;
        T value[V];
    };
    __device__ __forceinline__ Pack() {}
};

template <typename T, int V> __device__ __forceinline__ void load(float (&v)[V], const T* from, size_t pack) {
    Pack<T, V> p;
    p.bits = reinterpret_cast<const typename Bits<sizeof(T) * V>::Of*>(from)[pack];
#pragma unroll
    for (int i = 0; i < V; i++) v[i] = wide(p.value[i]);
}

template <typename T, int V> __device__ __forceinline__ void store(T* to, size_t pack, const float (&v)[V]) {
    Pack<T, V> p;
#pragma unroll
    for (int i = 0; i < V; i++) narrow(p.value[i], v[i]);
    reinterpret_cast<typename Bits<sizeof(T) * V>::Of*>(to)[pack] = p.bits;
}

// Writes, or adds to what is there.
template <typename T, int V> __device__ __forceinline__ void give(T* to, size_t pack, float (&v)[V], bool add) {
    if (add) {
        float before[V];
        load<T, V>(before, to, pack);
#pragma unroll
        for (int i = 0; i < V; i++) v[i] += before[i];
    }
    store<T, V>(to, pack, v);
}

template <typename T> __device__ __forceinline__ T* at(u64 place) { return reinterpret_cast<T*>(place); }

// A block that goes through rows of packs: `width` packs side by side, `lanes` rows at a time.
struct Lanes {
    int width, lanes, lane, own;
    u32 pack;
    bool in;
    __device__ __forceinline__ Lanes(u32 packs) {
        width = packs < 32 ? packs : 32;
        lanes = THREADS / width;
        lane = threadIdx.x / width;
        own = threadIdx.x % width;
        pack = blockIdx.x * width + own;
        in = lane < lanes && pack < packs;
    }
};

// Adds pairs over the lanes of a block, in the order of the lanes; every lane has the sums after it.
template <int V> __device__ __forceinline__ void over_lanes(const Lanes& p, float (&a)[V], float (&b)[V]) {
    __shared__ float shared[2][V][THREADS];
#pragma unroll
    for (int i = 0; i < V; i++) {
        shared[0][i][threadIdx.x] = a[i];
        shared[1][i][threadIdx.x] = b[i];
    }
    __syncthreads();
    if (p.lane == 0) {
#pragma unroll
        for (int i = 0; i < V; i++) {
            for (int l = 1; l < p.lanes; l++) {
                a[i] += shared[0][i][threadIdx.x + l * p.width];
                b[i] += shared[1][i][threadIdx.x + l * p.width];
            }
            shared[0][i][threadIdx.x] = a[i];
            shared[1][i][threadIdx.x] = b[i];
        }
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < V; i++) {
        a[i] = shared[0][i][p.own];
        b[i] = shared[1][i][p.own];
    }
    __syncthreads();
}

// The sum of a block's values, in a fixed order; every thread has it.
template <typename N, int SIZE> __device__ __forceinline__ N block_sum(N v) {
    __shared__ N shared[SIZE];
    const int own = threadIdx.y * blockDim.x + threadIdx.x;
    shared[own] = v;
    __syncthreads();
    for (int half = SIZE / 2; half > 0; half /= 2) {
        if (own < half) shared[own] += shared[own + half];
        __syncthreads();
    }
    N sum = shared[0];
    __syncthreads();
    return sum;
}

template <int SIZE> __device__ __forceinline__ float block_max(float v) {
    __shared__ float shared[SIZE];
    shared[threadIdx.x] = v;
    __syncthreads();
    for (int half = SIZE / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) {
            float a = shared[threadIdx.x], b = shared[threadIdx.x + half];
            // Not a number stays.
            shared[threadIdx.x] = a > b || a != a ? a : b;
        }
        __syncthreads();
    }
    float most = shared[0];
    __syncthreads();
    return most;
}

// A kernel NAME(args) in every format, with vectors where `ALIGNED` (an expression of V and args) allows.
#define IN_EVERY_FORMAT(NAME, ARGS, ALIGNED) \
    extern "C" __global__ void NAME##_f32(const ARGS a) { constexpr int V = 4; if (ALIGNED) NAME<float, 4>(a); else NAME<float, 1>(a); } \
    extern "C" __global__ void NAME##_f16(const ARGS a) { constexpr int V = 8; if (ALIGNED) NAME<__half, 8>(a); else NAME<__half, 1>(a); } \
    extern "C" __global__ void NAME##_bf16(const ARGS a) { \
        constexpr int V = 8; if (ALIGNED) NAME<__nv_bfloat16, 8>(a); else NAME<__nv_bfloat16, 1>(a); }

// A value of a format that is known only when the kernel runs: 0 single, 1 half, 2 brain half.
__device__ __forceinline__ float get_as(u64 from, u32 format, size_t i) {
    return format == 0 ? at<const float>(from)[i] : format == 1 ? wide(at<const __half>(from)[i]) : wide(at<const __nv_bfloat16>(from)[i]);
}

__device__ __forceinline__ void put_as(u64 to, u32 format, size_t i, float v, bool add) {
    if (add) v += get_as(to, format, i);
    if (format == 0) narrow(at<float>(to)[i], v);
    else if (format == 1) narrow(at<__half>(to)[i], v);
    else narrow(at<__nv_bfloat16>(to)[i], v);
}
