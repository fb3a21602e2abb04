// Maps side by side, gates, and changes of format.
#include "args.cuh"

// Channels of a part to their place in the whole.
template <typename T, int V> __device__ void channels_put(const ChannelsArgs& a) {
    const u32 packs = a.c / V;
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (size_t)a.rows * packs) return;
    float v[V];
    load<T, V>(v, at<const T>(a.part), i);
    store<T, V>(at<T>(a.whole), i / packs * (a.of / V) + a.first / V + i % packs, v);
}

// And back.
template <typename T, int V> __device__ void channels_take(const ChannelsArgs& a) {
    const u32 packs = a.c / V;
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (size_t)a.rows * packs) return;
    float v[V];
    load<T, V>(v, at<const T>(a.whole), i / packs * (a.of / V) + a.first / V + i % packs);
    give<T, V>(at<T>(a.part), i, v, a.add);
}

// y = relu(x * gate + residual).
template <typename T, int V> __device__ void gate(const GateArgs& a) {
    const u32 packs = a.c / V;
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (size_t)a.n * a.hw * packs) return;
    const float* gates = at<const float>(a.gate) + i / packs / a.hw * a.c + i % packs * V;
    float v[V], r[V];
    load<T, V>(v, at<const T>(a.x), i);
    if (a.residual) load<T, V>(r, at<const T>(a.residual), i);
#pragma unroll
    for (int j = 0; j < V; j++) {
        v[j] = v[j] * gates[j] + (a.residual ? r[j] : 0.0f);
        v[j] = v[j] < 0.0f ? 0.0f : v[j];
    }
    store<T, V>(at<T>(a.y), i, v);
}

// A block an image and some channels.
template <typename T, int V> __device__ void gate_back(const GateArgs& a) {
    const u32 packs = a.c / V;
    Lanes p(packs);
    float sum[V], none[V];
#pragma unroll
    for (int j = 0; j < V; j++) sum[j] = none[j] = 0.0f;
    const size_t own = (size_t)blockIdx.y * a.c + p.pack * V;
    if (p.in) {
        for (u32 r = p.lane; r < a.hw; r += p.lanes) {
            const size_t i = ((size_t)blockIdx.y * a.hw + r) * packs + p.pack;
            float g[V], x[V], y[V];
            load<T, V>(g, at<const T>(a.gy), i);
            load<T, V>(x, at<const T>(a.x), i);
            load<T, V>(y, at<const T>(a.y), i);
#pragma unroll
            for (int j = 0; j < V; j++) {
                g[j] = y[j] > 0.0f ? g[j] : 0.0f;
                sum[j] += g[j] * x[j];
                x[j] = g[j] * at<const float>(a.gate)[own + j];
            }
            if (a.gx) give<T, V>(at<T>(a.gx), i, x, a.add & 1);
            if (a.gr) give<T, V>(at<T>(a.gr), i, g, a.add & 2);
        }
    }
    over_lanes<V>(p, sum, none);
    if (!p.in || p.lane || !a.ggate) return;
#pragma unroll
    for (int j = 0; j < V; j++) {
        float* to = at<float>(a.ggate) + own + j;
        *to = a.add & 4 ? *to + sum[j] : sum[j];
    }
}

IN_EVERY_FORMAT(channels_put, ChannelsArgs, a.c % V == 0 && a.of % V == 0 && a.first % V == 0)
IN_EVERY_FORMAT(channels_take, ChannelsArgs, a.c % V == 0 && a.of % V == 0 && a.first % V == 0)
IN_EVERY_FORMAT(gate, GateArgs, a.c % V == 0)
IN_EVERY_FORMAT(gate_back, GateArgs, a.c % V == 0)

extern "C" __global__ void cast(const CastArgs a) {
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < a.len) put_as(a.to, a.formats / 4, i, get_as(a.from, a.formats % 4, i), a.add);
}
