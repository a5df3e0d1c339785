// The kernels' face: plain structures in, nothing allocated but scratch, no framework.
#pragma once

#include <cstdint>

namespace leaky {

enum class Dtype : int { f32 = 0, f64 = 1, bf16 = 2, f16 = 3 };

/// How an element-wise rectifier treats x <= 0.
enum class Rectifier : int {
    leaky = 0,      ///< x > 0 ? x : x * slope; bit = x > 0
    relu = 1,       ///< x < 0 ? 0 : x, as torch.relu (-0 stays); bit = !(x <= 0)
};

struct ElementwiseCall {
    const void* in;       // x, or the gradient for backward
    void* out;            // may be `in`
    uint8_t* mask;        // bit i % 8 of byte i / 8; null: none (forward only)
    int64_t count;
    double slope;
    Rectifier rectifier;
    Dtype dtype;
    int threads;
};

struct NormShape {
    int64_t n, c, s;
    bool channels_last;  // (n, s, c) in memory instead of (n, c, s)
    int64_t groups;      // 0: statistics of each channel, over n and s; else of each of so many groups of a sample
    bool given;          // mean and var are input
    double eps, slope;   // slope 1: no activation; 0: ReLU
    Dtype dtype, weight_dtype;
    int threads;

    /// Channels that share their statistics.
    int64_t share() const { return groups ? c / groups : 1; }
    /// Where the statistics of a channel of a sample stand.
    int64_t group_of(int64_t sample, int64_t channel) const { return groups ? sample * groups + channel / share() : channel; }
    /// Too little work to share out what is not the main pass.
    bool count_small() const { return n * c * s < (1 << 18); }
};

struct NormForward : NormShape {
    const void* x;
    void* out;                  // null: statistics only
    const void *weight, *bias;  // null: 1 and 0
    void *mean, *var;           // float (double for f64), c or n * groups entries; var is biased
    void *running_mean, *running_var;  // null, or c entries that move towards this batch's statistics
    double momentum;
    Dtype running_dtype;
};

struct NormBackward : NormShape {
    const void *grad, *y, *kept;
    const void* kept_index;  // c entries, < 0: from y; null: every channel (or none where kept is null)
    bool kept_index_wide;    // int64 instead of int32
    int64_t kept_count;
    void* grad_x;
    const void *weight, *bias, *mean, *var;
    const void *mean_grad, *mean_product;  // as mean, c entries: averages of gz and gz * xhat, of more than this call
                                           // sees; null: its own, or with `given` none
    void *grad_weight, *grad_bias;         // as mean, c entries; null: not wanted
};

/// Which channels' x cannot be read back from y well enough: where (|weight| + |bias|) / |weight| is above `limit`,
/// or the smallest slope of y is below `tiny`.
struct NormLossy {
    const void *weight, *bias;  // null: 1 and 0
    Dtype weight_dtype;
    int64_t c;
    double slope, limit, tiny;
    int32_t* places;  // null, or c entries: -1, or the channel's number among the lossy ones
};

/// Counts and sums of each unit of (n, c, s), or (n, s, c) with `columns`: six doubles for each of n * c (units.hpp).
struct UnitSums {
    const void* x;
    double* out;  // 6 rows of n * c
    int64_t n, c, s;
    bool columns;
    Dtype dtype;
    int threads;
};

/// What a step of a program does; `less` and the two below choose: a < b ? c : d.
enum class StepKind : int32_t {
    add = 0, subtract, multiply, divide, negative, absolute, less, less_equal, equal,
    to_half, rint, exp, expm1, log1p, tanh, sigmoid, silu, gelu,  // of floats
    count
};

constexpr int kRegisters = 16, kConstants = 64;

/// Operands: >= 0 a register, -1 the input, <= -2 the constant of number -2 - operand.
struct Step {
    StepKind kind;
    int32_t out, a, b, c, d;
};

struct ProgramCall {
    const void* in;
    void* out;  // may be `in`
    int64_t count;
    const Step* steps;
    const double* constants;
    int step_count, constant_count;
    int32_t result;  // an operand
    int shape;       // in shapes::kAll, or -1: interpret the steps
    const double* shape_constants;
    bool slow;       // so many steps that a few thousand elements are worth waking a thread
    Dtype dtype;     // f32, f64 or f16
    int threads;
};

struct LayerKernels;  // layers.hpp
struct BiasActForward;  // bias_act_call.hpp
struct BiasActBackward;

/// The kernels of one instruction-set level.
struct Kernels {
    const char* level;
    void (*forward)(const ElementwiseCall&);
    void (*backward)(const ElementwiseCall&);
    bool (*norm_forward)(const NormForward&);    // false: no memory for scratch
    bool (*norm_backward)(const NormBackward&);
    int64_t (*norm_lossy)(const NormLossy&);     // how many
    void (*unit_sums)(const UnitSums&);
    void (*program)(const ProgramCall&);
    const LayerKernels* layers;
    bool (*bias_act_forward)(const BiasActForward&);    // false: no memory for scratch
    bool (*bias_act_backward)(const BiasActBackward&);
};

/// The best level this CPU can run, or the one asked for; null where it cannot run it or does not know it.
const Kernels* kernels_at(const char* level);

}  // namespace leaky
