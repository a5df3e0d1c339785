// The kernels of single layers besides (leaky) ReLU: plain structures, tables of one level's functions.
#pragma once

#include "kernels.hpp"

namespace leaky {

/// out = x between the ends, an end beyond; the bit of an element between them is set, and of NaN.
struct ClampCall {
    const void* x;
    void* out;      // may be `x`
    uint8_t* mask;  // as ElementwiseCall's; null: none
    int64_t count;
    double low, high;
    Dtype dtype;
    int threads;
};

/// out = grad * f'(x) from y = f(x) = log1p(exp(beta x)) / beta, where beta y is above `threshold` grad itself.
struct SoftplusBackward {
    const void *grad, *y;
    void* out;  // may be `grad`
    int64_t count;
    double beta, threshold;
    Dtype dtype;  // not f64
    int threads;
};

/// out = in where in > 0 or NaN, elsewhere in times (`divide`: over) a number from U(low, high), drawn for its place;
/// the mask has those that keep their value. `back`: out = the gradient, from the same mask and numbers.
struct RandomCall {
    const void* in;
    void* out;      // may be `in`
    uint8_t* mask;  // as ElementwiseCall's; null: none (forward only)
    int64_t count;
    uint64_t seed;
    double low, high;
    bool divide, back;
    Dtype dtype;
    int threads;
};

/// out = in times `scale` where the bit is set, times 0 elsewhere; bit i is drawn[i], and the mask is written.
struct DropoutCall {
    const void* in;
    void* out;             // may be `in`
    const uint8_t* drawn;  // 0 or 1; null: the mask is read, on the way back
    uint8_t* mask;         // as ElementwiseCall's
    int64_t count;
    double scale;
    Dtype dtype;
    int threads;
};

struct PreluShape {
    int64_t n, c, s;
    bool channels_last;  // (n, s, c) in memory instead of (n, c, s)
    const void* slopes;  // c entries; double for f64, float for all others
    Dtype dtype;
    int threads;
};

struct PreluForward : PreluShape {
    const void* x;
    void* out;  // may be `x`
};

struct PreluBackward : PreluShape {
    const void *grad, *y, *kept;
    const int32_t* kept_index;  // c entries, < 0: from y; null: every channel is kept (or none where `kept` is null)
    int64_t kept_count;
    void* grad_x;         // may be `grad`
    double* grad_slopes;  // c entries
};

struct LayerKernels {
    void (*clamp)(const ClampCall&);
    void (*softplus_backward)(const SoftplusBackward&);
    void (*draws)(uint64_t seed, uint64_t first, int64_t packs, uint32_t* out);  // 32 numbers a pack
    void (*rrelu)(const RandomCall&);
    void (*dropout)(const DropoutCall&);
    void (*prelu_forward)(const PreluForward&);
    bool (*prelu_backward)(const PreluBackward&);  // false: no memory for scratch
};

}  // namespace leaky
