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

struct LayerKernels {
    void (*clamp)(const ClampCall&);
    void (*softplus_backward)(const SoftplusBackward&);
};

}  // namespace leaky
