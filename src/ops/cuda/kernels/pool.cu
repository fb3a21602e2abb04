// Pools: a thread has V channels of a pixel. Backward, each pixel of the input asks the windows that cover it.
#include "args.cuh"

// Where a thread is among `rows` pixels of `packs` packs.
struct Spot {
    size_t pack;
    u32 own, n, y, x;
    bool in;
    __device__ __forceinline__ Spot(u32 n_, u32 h, u32 w, u32 packs) {
        pack = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
        in = pack < (size_t)n_ * h * w * packs;
        own = pack % packs;
        size_t pixel = pack / packs;
        x = pixel % w;
        y = pixel / w % h;
        n = pixel / w / h;
    }
};

// Calls each(values, member) for the members of an output's window that lie in the image.
template <typename T, int V, typename Each> __device__ __forceinline__ void members(const PoolArgs& a, const Spot& p, Each each) {
    for (u32 k = 0; k < a.kernel * a.kernel; k++) {
        int y = (int)(p.y * a.stride + k / a.kernel) - (int)a.padding;
        int x = (int)(p.x * a.stride + k % a.kernel) - (int)a.padding;
        if (y < 0 || x < 0 || y >= (int)a.h || x >= (int)a.w) continue;
        float v[V];
        load<T, V>(v, at<const T>(a.x), (((size_t)p.n * a.h + y) * a.w + x) * (a.c / V) + p.own);
        each(v, k);
    }
}

// The windows that cover a pixel along an axis: from the first to the last.
__device__ __forceinline__ void covering(const PoolArgs& a, u32 at, u32 windows, u32& first, u32& last) {
    u32 end = at + a.padding;
    first = end < a.kernel ? 0 : (end - a.kernel) / a.stride + 1;
    last = min(end / a.stride, windows - 1);
}

// The gradient of an input pixel: the sum over the windows that cover it of share(gradient, place of the output's value,
// its window, which member of it the pixel is).
template <typename T, int V, typename Share> __device__ __forceinline__ void gather(const PoolArgs& a, Share share) {
    const u32 packs = a.c / V;
    Spot p(a.n, a.h, a.w, packs);
    if (!p.in) return;
    u32 y0, y1, x0, x1;
    covering(a, p.y, a.oh, y0, y1);
    covering(a, p.x, a.ow, x0, x1);
    float sum[V];
#pragma unroll
    for (int i = 0; i < V; i++) sum[i] = 0.0f;
    for (u32 oy = y0; oy <= y1; oy++) {
        for (u32 ox = x0; ox <= x1; ox++) {
            u32 k = (p.y + a.padding - oy * a.stride) * a.kernel + p.x + a.padding - ox * a.stride;
            size_t out = (((size_t)p.n * a.oh + oy) * a.ow + ox) * packs + p.own;
            float g[V];
            load<T, V>(g, at<const T>(a.y), out);
#pragma unroll
            for (int i = 0; i < V; i++) sum[i] += share(g[i], out * V + i, oy, ox, k);
        }
    }
    give<T, V>(at<T>(a.x), p.pack, sum, a.add);
}

template <typename T, int V> __device__ void max_pool(const PoolArgs& a) {
    Spot p(a.n, a.oh, a.ow, a.c / V);
    if (!p.in) return;
    float most[V];
    unsigned char chosen[V];
#pragma unroll
    for (int i = 0; i < V; i++) {
        most[i] = -INFINITY;
        chosen[i] = 0;
    }
    bool first = true;
    members<T, V>(a, p, [&](const float (&v)[V], u32 k) {
#pragma unroll
        for (int i = 0; i < V; i++) {
            // The first of equal ones stays; what is not a number wins, as in PyTorch, and takes no gradient.
            if (first || v[i] > most[i] || v[i] != v[i]) {
                most[i] = v[i];
                chosen[i] = v[i] != v[i] ? 255 : k;
            }
        }
        first = false;
    });
    store<T, V>(at<T>(a.y), p.pack, most);
    if (!a.chosen) return;
#pragma unroll
    for (int i = 0; i < V; i++) at<unsigned char>(a.chosen)[p.pack * V + i] = chosen[i];
}

template <typename T, int V> __device__ void max_pool_back(const PoolArgs& a) {
    gather<T, V>(a, [&a](float g, size_t out, u32, u32, u32 k) {
        return at<const unsigned char>(a.chosen)[out] == k ? g : 0.0f;
    });
}

// Pixels of a window along an axis that an average is over.
__device__ __forceinline__ u32 side(const PoolArgs& a, u32 window, u32 size) {
    u32 from = window * a.stride;
    if (a.count_padding) return min(from + a.kernel, size + 2 * a.padding) - from;
    u32 first = from < a.padding ? 0 : from - a.padding;
    return min(from + a.kernel - a.padding, size) - first;
}

// The share of every pixel in the average over a window.
__device__ __forceinline__ float share(const PoolArgs& a, u32 oy, u32 ox) {
    return 1.0f / (side(a, oy, a.h) * side(a, ox, a.w));
}

template <typename T, int V> __device__ void average_pool(const PoolArgs& a) {
    Spot p(a.n, a.oh, a.ow, a.c / V);
    if (!p.in) return;
    float sum[V];
#pragma unroll
    for (int i = 0; i < V; i++) sum[i] = 0.0f;
    members<T, V>(a, p, [&](const float (&v)[V], u32) {
#pragma unroll
        for (int i = 0; i < V; i++) sum[i] += v[i];
    });
#pragma unroll
    for (int i = 0; i < V; i++) sum[i] *= share(a, p.y, p.x);
    store<T, V>(at<T>(a.y), p.pack, sum);
}

template <typename T, int V> __device__ void average_pool_back(const PoolArgs& a) {
    gather<T, V>(a, [&a](float g, size_t, u32 oy, u32 ox, u32) { return g * share(a, oy, ox); });
}

// Means of all pixels, in single precision: a block an image and some channels.
template <typename T, int V> __device__ void mean(const MeanArgs& a) {
    const u32 packs = a.c / V;
    Lanes p(packs);
    float s[V], none[V];
#pragma unroll
    for (int i = 0; i < V; i++) s[i] = none[i] = 0.0f;
    if (p.in) {
        for (u32 r = p.lane; r < a.hw; r += p.lanes) {
            float v[V];
            load<T, V>(v, at<const T>(a.x), ((size_t)blockIdx.y * a.hw + r) * packs + p.pack);
#pragma unroll
            for (int i = 0; i < V; i++) s[i] += v[i];
        }
    }
    over_lanes<V>(p, s, none);
    if (!p.in || p.lane) return;
#pragma unroll
    for (int i = 0; i < V; i++) at<float>(a.y)[(size_t)blockIdx.y * a.c + p.pack * V + i] = s[i] / a.hw;
}

template <typename T, int V> __device__ void mean_back(const MeanArgs& a) {
    const u32 packs = a.c / V;
    Spot p(a.n, a.hw, 1, packs);
    if (!p.in) return;
    float g[V];
#pragma unroll
    for (int i = 0; i < V; i++) g[i] = at<const float>(a.y)[(size_t)p.n * a.c + p.own * V + i] / a.hw;
    give<T, V>(at<T>(a.x), p.pack, g, a.add);
}

IN_EVERY_FORMAT(max_pool, PoolArgs, a.c % V == 0)
IN_EVERY_FORMAT(max_pool_back, PoolArgs, a.c % V == 0)
IN_EVERY_FORMAT(average_pool, PoolArgs, a.c % V == 0)
IN_EVERY_FORMAT(average_pool_back, PoolArgs, a.c % V == 0)
IN_EVERY_FORMAT(mean, MeanArgs, a.c % V == 0)
IN_EVERY_FORMAT(mean_back, MeanArgs, a.c % V == 0)
