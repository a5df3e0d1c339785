// What the bias + activation kernels are called with.
#pragma once

#include "kernels.hpp"

namespace leaky {

/// f of a bias_act call, the gain multiplied in.
enum class Lines : int {
    two = 0,   ///< z > 0 ? z * upper : z * lower
    relu = 1,  ///< z <= 0 ? 0 : z * upper; NaN stays
    one = 2,   ///< z * upper
};

/// y = f(x + bias), then held between -clamp and clamp; (n, c, s) in memory, the bias along c.
struct BiasActShape {
    int64_t n, c, s;
    double upper, lower, clamp;  // clamp NaN: none
    Lines lines;
    int planes;  // of bits: 0, 1, or 2 (two lines with a clamp)
    Dtype dtype;
    int threads;
};

struct BiasActForward : BiasActShape {
    const void *x, *bias;  // bias: c entries, or null
    void* out;             // may be x
    uint8_t* bits;         // planes of (n * c * s + 7) / 8 bytes each
    Dtype bias_dtype;
};

struct BiasActBackward : BiasActShape {
    const void* grad;
    const uint8_t* bits;
    void* grad_x;     // may be grad; null: not wanted
    void* grad_bias;  // c entries of float (double for f64); null: not wanted
};

}  // namespace leaky
