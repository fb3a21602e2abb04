// All weights of a net in one launch: turned over into the layout of the convolutions, and updated.
#include "args.cuh"

#define TILE 32

// The last of `count` jobs whose first part, as `FIRST` has it, is not behind `part`.
#define FIND(FIRST) \
    u32 low = 0, high = count; \
    while (high - low > 1) { \
        u32 middle = (low + high) / 2; \
        if (jobs[middle].FIRST <= part) low = middle; \
        else high = middle; \
    } \
    return jobs[low];

__device__ __forceinline__ TurnJob turn_job(const TurnJob* jobs, u32 count, u32 part) { FIND(first_tile) }
__device__ __forceinline__ ParamJob param_job(const ParamJob* jobs, u32 count, u32 part) { FIND(first_chunk) }

// (rows, cols) to (cols, rows): a block of 32 x 8 threads a tile, read and written along the lines of memory.
extern "C" __global__ void turn(const Turn a) {
    // One more column, so that neighbouring threads are in different banks.
    __shared__ float tile[TILE][TILE + 1];
    const TurnJob job = turn_job(at<const TurnJob>(a.jobs), a.count, blockIdx.x);
    const u32 across = (job.cols + TILE - 1) / TILE, own = blockIdx.x - job.first_tile;
    const u32 row = own / across * TILE, col = own % across * TILE;
    double sum = 0.0;
    for (u32 y = threadIdx.y; y < TILE; y += blockDim.y) {
        u32 r = row + y, c = col + threadIdx.x;
        if (r >= job.rows || c >= job.cols) continue;
        float v = get_as(job.from, job.formats % 4, (size_t)r * job.cols + c);
        tile[y][threadIdx.x] = v;
        sum += (double)v * v;
    }
    __syncthreads();
    for (u32 y = threadIdx.y; y < TILE; y += blockDim.y) {
        u32 r = col + y, c = row + threadIdx.x;
        if (r < job.cols && c < job.rows) put_as(job.to, job.formats / 4, (size_t)r * job.rows + c, tile[threadIdx.x][y], false);
    }
    if (!a.squares) return;
    sum = block_sum<double, THREADS>(sum);
    if (threadIdx.x == 0 && threadIdx.y == 0) at<double>(a.squares)[blockIdx.x] = sum;
}

// Kinds of jobs. Statistics an update leaves alone, and a step that is left out puts them back.
#define DECAYS 1
#define STATISTIC 2
#define KNOWN 4

// The sum of squares of a chunk's gradient, where it is not known.
extern "C" __global__ void squares(const UpdateArgs a) {
    const ParamJob job = param_job(at<const ParamJob>(a.jobs), a.count, blockIdx.x);
    const u32 from = (blockIdx.x - job.first_chunk) * CHUNK, to = min(from + CHUNK, job.len);
    double sum = 0.0;
    if (!(job.kind & (STATISTIC | KNOWN))) {
        for (u32 i = from + threadIdx.x; i < to; i += THREADS) {
            double g = at<const float>(job.g)[i];
            sum += g * g;
        }
    }
    sum = block_sum<double, THREADS>(sum);
    if (threadIdx.x == 0) at<double>(a.squares)[blockIdx.x] = sum;
}

// The factor of all gradients, and whether the step counts: every block finds the same, so that nothing waits for one.
__device__ __forceinline__ bool counts(const UpdateArgs& a, float& factor) {
    double sum = 0.0;
    for (u32 i = threadIdx.x; i < a.chunks; i += THREADS) sum += at<const double>(a.squares)[i];
    for (u32 i = threadIdx.x; i < a.known_count; i += THREADS) sum += at<const double>(a.known)[i];
    sum = block_sum<double, THREADS>(sum);
    const float norm = (float)(sqrt(sum) / a.scale);
    const float loss = a.loss ? at<const float>(a.loss)[0] : 0.0f, floor = a.loss ? at<const float>(a.loss)[1] : 0.0f;
    const bool good = isfinite(norm) && isfinite(loss);
    factor = (a.clip > 0.0f && norm > a.clip ? a.clip / norm : 1.0f) / a.scale;
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        float* done = at<float>(a.done);
        done[0] = loss - floor;
        done[1] = norm;
        done[2] = good ? 1.0f : 0.0f;
        done[3] = 0.0f;
    }
    return good;
}

// Goes through a chunk with a rule, `rule(job)`, which gives `each(w, g, first slot, second slot)`.
template <typename Rule> __device__ __forceinline__ void update(const UpdateArgs& a, Rule rule) {
    float factor;
    const bool good = counts(a, factor);
    const ParamJob job = param_job(at<const ParamJob>(a.jobs), a.count, blockIdx.x);
    const u32 from = (blockIdx.x - job.first_chunk) * CHUNK, to = min(from + CHUNK, job.len);
    const bool statistic = job.kind & STATISTIC;
    if (good == statistic) return;
    const auto each = rule(job);
    for (u32 i = from + threadIdx.x; i < to; i += THREADS) {
        float *w = at<float>(job.w) + i, g = at<const float>(job.g)[i];
        if (statistic) *w = g;
        else each(*w, factor * g, at<float>(job.slots[0]) + i, at<float>(job.slots[1]) + i);
    }
}

// Momentum with decay in the gradient (section 2.1).
extern "C" __global__ void sgd(const UpdateArgs a) {
    update(a, [&a](const ParamJob& job) {
        const float lr = a.lr * job.rate;
        const bool decays = job.kind & DECAYS;
        return [&a, lr, decays](float& w, float g, float* velocity, float*) {
            if (decays) g += a.decay * w;
            if (a.momentum != 0.0f) {
                float v = g + a.momentum * *velocity;
                *velocity = v;
                g = a.nesterov ? g + a.momentum * v : v;
            }
            w -= lr * g;
        };
    });
}

// What a running mean that began at 0 lacks after so many updates: 1 - kept^updates, of `rest` = 1 - kept.
__device__ __forceinline__ double corrected(float rest, u32 updates) {
    double power = 1.0, factor = 1.0 - (double)rest;
    for (; updates; updates >>= 1) {
        if (updates & 1) power *= factor;
        factor *= factor;
    }
    return 1.0 - power;
}

// Decay apart from the gradient (Loshchilov & Hutter 2019).
extern "C" __global__ void adamw(const UpdateArgs a) {
    update(a, [&a](const ParamJob& job) {
        float rate = a.rate, root = a.root;
        if (job.missed) {
            rate = (float)(a.lr / corrected(a.rests[0], a.number - job.missed));
            root = (float)(1.0 / sqrt(corrected(a.rests[1], a.number - job.missed)));
        }
        rate *= job.rate;
        // All of `keep` where the rate is whole: the difference of two near numbers is exact.
        const float keep = job.kind & DECAYS ? 1.0f - job.rate * (1.0f - a.keep) : 1.0f;
        return [&a, rate, root, keep](float& w, float g, float* mean, float* square) {
            float m = a.betas[0] * *mean + a.rests[0] * g, v = a.betas[1] * *square + a.rests[1] * g * g;
            *mean = m;
            *square = v;
            w = keep * w - rate * m / (root * sqrtf(v) + a.epsilon);
        };
    });
}

// A running average (w) of a tensor (g).
extern "C" __global__ void average(const UpdateArgs a) {
    const ParamJob job = param_job(at<const ParamJob>(a.jobs), a.count, blockIdx.x);
    const u32 from = (blockIdx.x - job.first_chunk) * CHUNK, to = min(from + CHUNK, job.len);
    for (u32 i = from + threadIdx.x; i < to; i += THREADS) {
        float* average = at<float>(job.w) + i;
        *average += a.rests[0] * (at<const float>(job.g)[i] - *average);
    }
}
