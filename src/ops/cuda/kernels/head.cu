// The end of a net, in single precision: bias and activation of a linear layer, and the losses.
#include "args.cuh"

// Threads of a row of logits.
#define ROW 128

extern "C" __global__ void bias(const BiasArgs a) {
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (size_t)a.n * a.k) return;
    float v = at<float>(a.y)[i] + at<const float>(a.b)[i % a.k];
    if (a.activation == 1) v = v < 0.0f ? 0.0f : v;
    if (a.activation == 2) v = 1.0f / (1.0f + expf(-v));
    at<float>(a.y)[i] = v;
}

// A thread a column.
extern "C" __global__ void bias_back(const BiasArgs a) {
    const u32 k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= a.k) return;
    float sum = 0.0f;
    for (u32 r = 0; r < a.n; r++) {
        const size_t i = (size_t)r * a.k + k;
        float g = at<const float>(a.gy)[i];
        if (a.activation) {
            float y = at<const float>(a.y)[i];
            g = a.activation == 2 ? g * y * (1.0f - y) : y > 0.0f ? g : 0.0f;
        }
        if (a.gx) at<float>(a.gx)[i] = g;
        sum += g;
    }
    at<float>(a.gb)[k] = sum;
}

// log of the sum of exp(z / t) of a row, by which log softmax is z / t less it; every thread has it.
__device__ __forceinline__ float log_sum(const float* z, u32 k, float t) {
    float most = -INFINITY, sum = 0.0f;
    for (u32 i = threadIdx.x; i < k; i += ROW) {
        float v = z[i] / t;
        most = v > most || v != v ? v : most;
    }
    most = block_max<ROW>(most);
    for (u32 i = threadIdx.x; i < k; i += ROW) sum += expf(z[i] / t - most);
    return most + logf(block_sum<float, ROW>(sum));
}

// Cross entropy against targets q, and T^2 times that of softened outputs against a teacher's (section 5.3).
extern "C" __global__ void loss_rows(const LossArgs a) {
    const size_t row = (size_t)blockIdx.x * a.k;
    const float *z = at<const float>(a.z) + row, *q = at<const float>(a.q) + row;
    const float* r = a.teacher ? at<const float>(a.teacher) + row : 0;
    const float t = a.temperature, hard_sum = log_sum(z, a.k, 1.0f);
    const float soft_sum = r ? log_sum(z, a.k, t) : 0.0f, teacher_sum = r ? log_sum(r, a.k, t) : 0.0f;
    float hard = 0.0f, mass = 0.0f, soft = 0.0f, entropy = 0.0f;
    for (u32 i = threadIdx.x; i < a.k; i += ROW) {
        hard -= q[i] * (z[i] - hard_sum);
        mass += q[i];
        if (r) {
            float taught = r[i] / t - teacher_sum, p = expf(taught);
            soft -= p * (z[i] / t - soft_sum);
            entropy -= p * taught;
        }
    }
    hard = block_sum<float, ROW>(hard);
    mass = block_sum<float, ROW>(mass);
    soft = block_sum<float, ROW>(soft) * t * t;
    entropy = block_sum<float, ROW>(entropy) * t * t;
    if (threadIdx.x == 0) {
        float* rows = at<float>(a.rows);
        float loss = a.hard * hard + (r ? a.soft * soft : 0.0f), floor = r ? a.soft * entropy : 0.0f;
        rows[blockIdx.x] = a.add ? rows[blockIdx.x] + loss : loss;
        rows[a.n + blockIdx.x] = a.add ? rows[a.n + blockIdx.x] + floor : floor;
    }
    if (!a.gz) return;
    const float scale = a.scale / a.n;
    for (u32 i = threadIdx.x; i < a.k; i += ROW) {
        float g = a.hard * (expf(z[i] - hard_sum) * mass - q[i]);
        if (r) g += a.soft * t * (expf(z[i] / t - soft_sum) - expf(r[i] / t - teacher_sum));
        at<float>(a.gz)[row + i] = scale * g;
    }
}

// Means over the rows: one block.
extern "C" __global__ void loss_total(const LossArgs a) {
    const float* rows = at<const float>(a.rows);
    float loss = 0.0f, floor = 0.0f;
    for (u32 i = threadIdx.x; i < a.n; i += ROW) {
        loss += rows[i];
        floor += rows[a.n + i];
    }
    loss = block_sum<float, ROW>(loss);
    floor = block_sum<float, ROW>(floor);
    if (threadIdx.x == 0) {
        at<float>(a.total)[0] = loss / a.n;
        at<float>(a.total)[1] = floor / a.n;
    }
}
