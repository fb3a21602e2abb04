// What kernels are given, as `args.rs` has it: pointers and numbers.
#pragma once
#include "common.cuh"

struct TurnJob {
    u64 from;
    u64 to;
    u32 rows;
    u32 cols;
    u32 first_tile;
    u32 formats;
};

struct Turn {
    u64 jobs;
    u64 squares;
    u32 count;
    u32 pad;
};

struct NormArgs {
    u64 x;
    u64 y;
    u64 residual;
    u64 mask;
    u64 gy;
    u64 gx;
    u64 gr;
    u64 part;
    u64 kept;
    u64 gamma;
    u64 beta;
    u64 mean;
    u64 var;
    u64 ggamma;
    u64 gbeta;
    u32 rows;
    u32 c;
    u32 slice;
    float eps;
    float momentum;
    u32 relu;
    u32 batch;
    u32 add;
};

struct PoolArgs {
    u64 x;
    u64 y;
    u64 chosen;
    u32 n;
    u32 h;
    u32 w;
    u32 c;
    u32 oh;
    u32 ow;
    u32 kernel;
    u32 stride;
    u32 padding;
    u32 count_padding;
    u32 add;
};

struct MeanArgs {
    u64 x;
    u64 y;
    u32 n;
    u32 hw;
    u32 c;
    u32 add;
};

struct ChannelsArgs {
    u64 part;
    u64 whole;
    u32 rows;
    u32 c;
    u32 of;
    u32 first;
    u32 add;
};

struct GateArgs {
    u64 x;
    u64 gate;
    u64 residual;
    u64 y;
    u64 gy;
    u64 gx;
    u64 ggate;
    u64 gr;
    u32 n;
    u32 hw;
    u32 c;
    u32 add;
};

struct BiasArgs {
    u64 y;
    u64 b;
    u64 gy;
    u64 gx;
    u64 gb;
    u32 n;
    u32 k;
    u32 activation;
};

struct LossArgs {
    u64 z;
    u64 q;
    u64 teacher;
    u64 gz;
    u64 rows;
    u64 total;
    u32 n;
    u32 k;
    float hard;
    float soft;
    float temperature;
    float scale;
    u32 add;
};

struct ParamJob {
    u64 w;
    u64 g;
    u64 slots[2];
    u32 len;
    u32 first_chunk;
    u32 kind;
    u32 missed;
    float rate;
    u32 pad;
};

struct UpdateArgs {
    u64 jobs;
    u64 squares;
    u64 known;
    u64 loss;
    u64 done;
    u32 count;
    u32 chunks;
    u32 known_count;
    u32 number;
    float scale;
    float clip;
    float lr;
    float decay;
    float momentum;
    u32 nesterov;
    float betas[2];
    float rests[2];
    float rate;
    float root;
    float epsilon;
    float keep;
};

struct CastArgs {
    u64 from;
    u64 to;
    u64 len;
    u32 formats;
    u32 add;
};

#define CHUNK 16384

// As large as those of `args.rs`, which its tests measure.
static_assert(sizeof(TurnJob) == 32 && sizeof(Turn) == 24 && sizeof(NormArgs) == 152 && sizeof(PoolArgs) == 72, "sizes");
static_assert(sizeof(MeanArgs) == 32 && sizeof(ChannelsArgs) == 40 && sizeof(GateArgs) == 80 && sizeof(BiasArgs) == 56, "sizes");
static_assert(sizeof(LossArgs) == 80 && sizeof(ParamJob) == 56 && sizeof(UpdateArgs) == 112 && sizeof(CastArgs) == 32, "sizes");
