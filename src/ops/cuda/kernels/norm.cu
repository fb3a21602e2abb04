// Batch norm with residual sum and ReLU over (rows, c). Two launches forward, two backward: the first makes sums of slices
// of the rows, the second joins them, each block for its own channels, and goes through the maps.
#include "args.cuh"

// A mean and the sum of squares around it, of n values.
struct Moments {
    float n, mean, m2;
    // Chan, Golub and LeVeque (1983): no digits are lost when the mean is far from 0.
    __device__ __forceinline__ void join(float k, float other, float q) {
        float all = n + k, d = other - mean;
        if (k == 0.0f) return;
        mean += d * k / all;
        m2 += q + d * d * n * k / all;
        n = all;
    }
};

// part (slices, 2, c): mean of a slice and sum of squares around it.
template <typename T, int V> __device__ void norm_sums(const NormArgs& a) {
    const u32 packs = a.c / V;
    Lanes p(packs);
    const u32 from = blockIdx.y * a.slice, to = min(from + a.slice, a.rows);
    const T* x = at<const T>(a.x);
    float pivot[V], s[V], q[V];
#pragma unroll
    for (int i = 0; i < V; i++) pivot[i] = s[i] = q[i] = 0.0f;
    if (p.in) {
        // The first row is near the mean: sums around it lose few digits.
        load<T, V>(pivot, x, (size_t)from * packs + p.pack);
        for (u32 r = from + p.lane; r < to; r += p.lanes) {
            float v[V];
            load<T, V>(v, x, (size_t)r * packs + p.pack);
#pragma unroll
            for (int i = 0; i < V; i++) {
                float d = v[i] - pivot[i];
                s[i] += d;
                q[i] += d * d;
            }
        }
    }
    over_lanes<V>(p, s, q);
    if (p.in && p.lane == 0) {
        float n = to - from;
        float* part = at<float>(a.part) + (size_t)blockIdx.y * 2 * a.c + p.pack * V;
#pragma unroll
        for (int i = 0; i < V; i++) {
            part[i] = pivot[i] + s[i] / n;
            part[a.c + i] = q[i] - s[i] * s[i] / n;
        }
    }
}

// Mean and variance (times n) of a channel out of all slices: a lane takes every lanes-th slice, then the lanes are joined.
template <int V> __device__ __forceinline__ void join_slices(const NormArgs& a, const Lanes& p, Moments (&m)[V]) {
    __shared__ float shared[3][V][THREADS];
    const float* part = at<const float>(a.part);
#pragma unroll
    for (int i = 0; i < V; i++) m[i] = Moments{0.0f, 0.0f, 0.0f};
    const u32 slices = (a.rows + a.slice - 1) / a.slice;
    if (p.in) {
        for (u32 s = p.lane; s < slices; s += p.lanes) {
            float n = min(a.slice, a.rows - s * a.slice);
            const float* of = part + (size_t)s * 2 * a.c + p.pack * V;
#pragma unroll
            for (int i = 0; i < V; i++) m[i].join(n, of[i], of[a.c + i]);
        }
    }
#pragma unroll
    for (int i = 0; i < V; i++) {
        shared[0][i][threadIdx.x] = m[i].n;
        shared[1][i][threadIdx.x] = m[i].mean;
        shared[2][i][threadIdx.x] = m[i].m2;
    }
    __syncthreads();
    if (p.lane == 0) {
#pragma unroll
        for (int i = 0; i < V; i++) {
            for (int l = 1; l < p.lanes; l++) {
                int t = threadIdx.x + l * p.width;
                m[i].join(shared[0][i][t], shared[1][i][t], shared[2][i][t]);
            }
            shared[1][i][threadIdx.x] = m[i].mean;
            shared[2][i][threadIdx.x] = m[i].m2;
        }
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < V; i++) {
        m[i].mean = shared[1][i][p.own];
        m[i].m2 = shared[2][i][p.own];
    }
}

// y = relu(x * scale + shift + residual) for the rows of a slice.
template <typename T, int V>
__device__ __forceinline__ void apply(const NormArgs& a, const Lanes& p, const float (&scale)[V], const float (&shift)[V]) {
    const u32 packs = a.c / V, from = blockIdx.y * a.slice, to = min(from + a.slice, a.rows);
    const T *x = at<const T>(a.x), *residual = at<const T>(a.residual);
    T* y = at<T>(a.y);
    for (u32 r = from + p.lane; r < to; r += p.lanes) {
        size_t i = (size_t)r * packs + p.pack;
        float v[V], s[V];
        load<T, V>(v, x, i);
#pragma unroll
        for (int j = 0; j < V; j++) v[j] = __fmaf_rn(v[j], scale[j], shift[j]);
        if (residual) {
            load<T, V>(s, residual, i);
#pragma unroll
            for (int j = 0; j < V; j++) v[j] += s[j];
        }
        if (a.mask) {
            unsigned char bits = 0;
#pragma unroll
            for (int j = 0; j < V; j++) bits |= v[j] > 0.0f ? 1 << j : 0;
            at<unsigned char>(a.mask)[i] = bits;
        }
        if (a.relu) {
#pragma unroll
            for (int j = 0; j < V; j++) v[j] = v[j] < 0.0f ? 0.0f : v[j];
        }
        store<T, V>(y, i, v);
    }
}

template <typename T, int V> __device__ void norm_apply(const NormArgs& a) {
    Lanes p(a.c / V);
    Moments m[V];
    join_slices<V>(a, p, m);
    if (!p.in) return;
    float scale[V], shift[V];
    const float n = a.rows;
    const float *gamma = at<const float>(a.gamma), *beta = at<const float>(a.beta);
#pragma unroll
    for (int i = 0; i < V; i++) {
        u32 c = p.pack * V + i;
        float inverse = 1.0f / sqrtf(m[i].m2 / n + a.eps);
        scale[i] = inverse * gamma[c];
        shift[i] = beta[c] - m[i].mean * scale[i];
        if (blockIdx.y == 0 && p.lane == 0) {
            float *kept = at<float>(a.kept), *mean = at<float>(a.mean), *var = at<float>(a.var);
            kept[c] = m[i].mean;
            kept[a.c + c] = inverse;
            kept[2 * a.c + c] = mean[c];
            kept[3 * a.c + c] = var[c];
            mean[c] = mean[c] * (1.0f - a.momentum) + m[i].mean * a.momentum;
            var[c] = var[c] * (1.0f - a.momentum) + m[i].m2 / fmaxf(n - 1.0f, 1.0f) * a.momentum;
        }
    }
    apply<T, V>(a, p, scale, shift);
}

template <typename T, int V> __device__ void norm_running(const NormArgs& a) {
    Lanes p(a.c / V);
    if (!p.in) return;
    float scale[V], shift[V];
    const float *gamma = at<const float>(a.gamma), *beta = at<const float>(a.beta);
    const float *mean = at<const float>(a.mean), *var = at<const float>(a.var);
    float* kept = at<float>(a.kept);
#pragma unroll
    for (int i = 0; i < V; i++) {
        u32 c = p.pack * V + i;
        float inverse = 1.0f / sqrtf(var[c] + a.eps);
        scale[i] = inverse * gamma[c];
        shift[i] = beta[c] - mean[c] * scale[i];
        if (kept && blockIdx.y == 0 && p.lane == 0) {
            kept[c] = mean[c];
            kept[a.c + c] = inverse;
        }
    }
    apply<T, V>(a, p, scale, shift);
}

// What the backward pass knows of a channel.
template <int V> struct Channel {
    float mean[V], inverse[V], scale[V], shift[V];
    __device__ __forceinline__ Channel(const NormArgs& a, const Lanes& p) {
        const float *kept = at<const float>(a.kept), *gamma = at<const float>(a.gamma), *beta = at<const float>(a.beta);
#pragma unroll
        for (int i = 0; i < V; i++) {
            u32 c = p.pack * V + i;
            mean[i] = kept[c];
            inverse[i] = kept[a.c + c];
            scale[i] = inverse[i] * gamma[c];
            shift[i] = beta[c] - mean[i] * scale[i];
        }
    }
};

// The gradient behind the ReLU, and x. What the ReLU cut off after a sum is in the mask, else it is computed again.
template <typename T, int V>
__device__ __forceinline__ void behind(const NormArgs& a, const Channel<V>& of, size_t i, float (&g)[V], float (&x)[V]) {
    load<T, V>(g, at<const T>(a.gy), i);
    load<T, V>(x, at<const T>(a.x), i);
    if (!a.relu) return;
    const unsigned char bits = a.mask ? at<const unsigned char>(a.mask)[i] : 0;
#pragma unroll
    for (int j = 0; j < V; j++) {
        bool through = a.mask ? bits >> j & 1 : __fmaf_rn(x[j], of.scale[j], of.shift[j]) > 0.0f;
        g[j] = through ? g[j] : 0.0f;
    }
}

// part (slices, 2, c): sum of the gradient, and of it times the normalised input.
template <typename T, int V> __device__ void norm_back_sums(const NormArgs& a) {
    const u32 packs = a.c / V;
    Lanes p(packs);
    float s[V], q[V];
#pragma unroll
    for (int i = 0; i < V; i++) s[i] = q[i] = 0.0f;
    if (p.in) {
        Channel<V> of(a, p);
        const u32 from = blockIdx.y * a.slice, to = min(from + a.slice, a.rows);
        for (u32 r = from + p.lane; r < to; r += p.lanes) {
            float g[V], x[V];
            behind<T, V>(a, of, (size_t)r * packs + p.pack, g, x);
#pragma unroll
            for (int i = 0; i < V; i++) {
                s[i] += g[i];
                q[i] += g[i] * ((x[i] - of.mean[i]) * of.inverse[i]);
            }
        }
    }
    over_lanes<V>(p, s, q);
    if (p.in && p.lane == 0) {
        float* part = at<float>(a.part) + (size_t)blockIdx.y * 2 * a.c + p.pack * V;
#pragma unroll
        for (int i = 0; i < V; i++) {
            part[i] = s[i];
            part[a.c + i] = q[i];
        }
    }
}

template <typename T, int V> __device__ void norm_back_apply(const NormArgs& a) {
    const u32 packs = a.c / V, slices = (a.rows + a.slice - 1) / a.slice;
    Lanes p(packs);
    float s[V], q[V];
#pragma unroll
    for (int i = 0; i < V; i++) s[i] = q[i] = 0.0f;
    if (p.in) {
        for (u32 k = p.lane; k < slices; k += p.lanes) {
            const float* part = at<const float>(a.part) + (size_t)k * 2 * a.c + p.pack * V;
#pragma unroll
            for (int i = 0; i < V; i++) {
                s[i] += part[i];
                q[i] += part[a.c + i];
            }
        }
    }
    over_lanes<V>(p, s, q);
    if (!p.in) return;
    if (blockIdx.y == 0 && p.lane == 0) {
#pragma unroll
        for (int i = 0; i < V; i++) {
            at<float>(a.gbeta)[p.pack * V + i] = s[i];
            at<float>(a.ggamma)[p.pack * V + i] = q[i];
        }
    }
    Channel<V> of(a, p);
    // Statistics of the batch depend on x too; the running ones are constants.
#pragma unroll
    for (int i = 0; i < V; i++) {
        s[i] = a.batch ? s[i] / a.rows : 0.0f;
        q[i] = a.batch ? q[i] / a.rows : 0.0f;
    }
    const u32 from = blockIdx.y * a.slice, to = min(from + a.slice, a.rows);
    for (u32 r = from + p.lane; r < to; r += p.lanes) {
        size_t i = (size_t)r * packs + p.pack;
        float g[V], x[V];
        behind<T, V>(a, of, i, g, x);
#pragma unroll
        for (int j = 0; j < V; j++) x[j] = of.scale[j] * (g[j] - s[j] - (x[j] - of.mean[j]) * of.inverse[j] * q[j]);
        give<T, V>(at<T>(a.gx), i, x, a.add & 1);
        if (a.gr) give<T, V>(at<T>(a.gr), i, g, a.add & 2);
    }
}

IN_EVERY_FORMAT(norm_sums, NormArgs, a.c % V == 0)
IN_EVERY_FORMAT(norm_apply, NormArgs, a.c % V == 0)
IN_EVERY_FORMAT(norm_running, NormArgs, a.c % V == 0)
IN_EVERY_FORMAT(norm_back_sums, NormArgs, a.c % V == 0)
IN_EVERY_FORMAT(norm_back_apply, NormArgs, a.c % V == 0)
