// A channel's arithmetic, written once: forward's z, and backward's way from the output to xhat.
#pragma once

#include "kernels.hpp"
#include "simd.hpp"

LEAKY_LEVEL_BEGIN

inline double number_at(const void* data, Dtype dtype, int64_t i, double otherwise) {
    if (!data) return otherwise;
    switch (dtype) {
        case Dtype::f32: return double(static_cast<const float*>(data)[i]);
        case Dtype::f64: return static_cast<const double*>(data)[i];
        case Dtype::bf16: return double(widen(static_cast<const bf16*>(data)[i]));
        default: return double(widen(static_cast<const f16*>(data)[i]));
    }
}

inline void put_number(void* data, Dtype dtype, int64_t i, double value) {
    switch (dtype) {
        case Dtype::f32: static_cast<float*>(data)[i] = float(value); break;
        case Dtype::f64: static_cast<double*>(data)[i] = value; break;
        case Dtype::bf16: narrow(float(value), static_cast<bf16*>(data)[i]); break;
        default: narrow(float(value), static_cast<f16*>(data)[i]); break;
    }
}

enum class Act : int { none, leaky, relu };

inline Act act_of(double slope) { return slope == 1 ? Act::none : slope == 0 ? Act::relu : Act::leaky; }

template <class C> double inverse_std(const NormShape& shape, C var) { return 1 / __builtin_sqrt(double(var) + shape.eps); }

/// z = (x - mean) * scale + bias: subtracting first loses nothing where the mean is far from 0, and reads the
/// statistics as they are stored, so that backward finds the same z to the bit.
template <class C> struct Affine {
    C mean, scale, bias, invstd, weight;

    /// `inverse` is inverse_std of the group's variance.
    Affine(const NormShape& shape, const void* weights, const void* biases, C mean_, double inverse, int64_t channel) {
        const double w = number_at(weights, shape.weight_dtype, channel, 1);
        mean = mean_;
        weight = C(w);
        invstd = C(inverse);
        scale = C(inverse * w);
        bias = C(number_at(biases, shape.weight_dtype, channel, 0));
    }
};

template <Act A, class C> LEAKY_INLINE Pack<C> activate(const Pack<C>& z, const Same<C>& slope) {
    if constexpr (A == Act::leaky) return where_positive(z, z, z * slope);
    else if constexpr (A == Act::relu) return rectified<true>(z);
    else return z;
}
/// The gradient for z.
template <Act A, class C>
LEAKY_INLINE Pack<C> pass_back(const Pack<C>& z, const Pack<C>& grad, const Same<C>& slope) {
    if constexpr (A == Act::leaky) return where_positive(z, grad, grad * slope);
    else if constexpr (A == Act::relu) return unless_low(z, grad);  // 1 at NaN, as torch's ReLU has it
    else return grad;
}
/// z from y.
template <Act A, class C> LEAKY_INLINE Pack<C> undo(const Pack<C>& y, const Same<C>& inverse_slope) {
    if constexpr (A == Act::leaky) return where_positive(y, y, y * inverse_slope);
    else return y;
}

LEAKY_LEVEL_END
