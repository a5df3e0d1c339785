// Half precision as 16 bits of storage: conversions in plain integer arithmetic, for where the CPU has none.
// Rounding is to nearest, ties to even; NaN stays NaN (made quiet, sign kept).
#pragma once

#include <cstdint>
#include <cstring>

#include "level.hpp"

namespace leaky {
struct bf16 { uint16_t bits; };
struct f16 { uint16_t bits; };
}  // namespace leaky

LEAKY_LEVEL_BEGIN

inline uint32_t bits_of(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    return bits;
}

inline float float_of(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}

inline float widen(float value) { return value; }
inline double widen(double value) { return value; }
inline float widen(bf16 value) { return float_of(uint32_t(value.bits) << 16); }

inline float widen(f16 value) {
    const uint32_t sign = uint32_t(value.bits & 0x8000u) << 16;
    const uint32_t exponent = (value.bits >> 10) & 31u, fraction = value.bits & 1023u;
    if (exponent == 31) return float_of(sign | 0x7f800000u | (fraction << 13) | (fraction ? 0x400000u : 0));
    if (exponent) return float_of(sign | ((exponent + 112) << 23) | (fraction << 13));
    const float magnitude = float(fraction) * 0x1p-24f;  // zero and the subnormals: exact
    return float_of(sign | bits_of(magnitude));
}

inline void narrow(float value, float& out) { out = value; }
inline void narrow(double value, double& out) { out = value; }

inline void narrow(float value, bf16& out) {
    const uint32_t bits = bits_of(value);
    out.bits = value != value ? uint16_t((bits >> 16) | 0x40u)
                              : uint16_t((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline void narrow(float value, f16& out) {
    const uint32_t bits = bits_of(value), sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) {
        out.bits = uint16_t(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
    } else if (magnitude >= 0x477ff000u) {  // 65520 and above round to infinity
        out.bits = uint16_t(sign | 0x7c00u);
    } else if (magnitude >= 0x38800000u) {  // normal: 2^-14 and above
        const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
        out.bits = uint16_t(sign | ((rounded - 0x38000000u) >> 13));
    } else {  // subnormal: adding 0.5 leaves the rounded fraction in the low bits (ulp of 0.5 is 2^-24)
        out.bits = uint16_t(sign | (bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u));
    }
}

template <class T> struct ComputeOf { using type = float; };
template <> struct ComputeOf<double> { using type = double; };
/// What a storage type is computed in: double for double, float for all others.
template <class T> using Compute = typename ComputeOf<T>::type;

LEAKY_LEVEL_END
