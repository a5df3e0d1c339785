// exp, expm1, log1p, tanh and three whole activations, of floats, within 1 to 3 units in the last place; infinities,
// NaN and -0 as C or the catalogue has them. Levels with fused multiply-add use it: here, and only here, the level
// shows in the last bit.
#pragma once

#include "simd.hpp"
#include "tanh_table.hpp"

LEAKY_LEVEL_BEGIN

using Lanes = Register<float>::V;
using Whole = Register<float>::M;

LEAKY_INLINE Lanes all(float value) { return value - Lanes{}; }
LEAKY_INLINE Lanes with_sign_of(Lanes size, Lanes sign) {
    const Whole top = (Whole)all(-0.0f);
    return (Lanes)(((Whole)size & ~top) | ((Whole)sign & top));
}
/// v * 2^n, rounded once, for whole n between -150 and 128.
LEAKY_INLINE Lanes scaled(Lanes v, Lanes n) {
#if defined(__AVX512F__)
    return (Lanes)_mm512_scalef_ps((__m512)v, (__m512)n);
#else
    const Whole whole = __builtin_convertvector(n, Whole), half = whole >> 1;
    return v * (Lanes)((half + 127) << 23) * (Lanes)((whole - half + 127) << 23);
#endif
}
/// v, or a bound; NaN stays (x86 returns the second operand then, and one instruction is one).
LEAKY_INLINE Lanes at_least(Lanes v, float low) {
#if defined(__AVX512F__)
    return (Lanes)_mm512_max_ps((__m512)all(low), (__m512)v);
#elif defined(__AVX2__)
    return (Lanes)_mm256_max_ps((__m256)all(low), (__m256)v);
#elif LEAKY_X86
    return (Lanes)_mm_max_ps((__m128)all(low), (__m128)v);
#else
    return v < all(low) ? all(low) : v;
#endif
}
LEAKY_INLINE Lanes at_most(Lanes v, float high) {
#if defined(__AVX512F__)
    return (Lanes)_mm512_min_ps((__m512)all(high), (__m512)v);
#elif defined(__AVX2__)
    return (Lanes)_mm256_min_ps((__m256)all(high), (__m256)v);
#elif LEAKY_X86
    return (Lanes)_mm_min_ps((__m128)all(high), (__m128)v);
#else
    return v > all(high) ? all(high) : v;
#endif
}

/// The nearest whole number, for |v| < 2^22.
LEAKY_INLINE Lanes nearest(Lanes v) {
    const Lanes shift = all(0x1.8p23f);
    return (v + shift) - shift;
}
LEAKY_INLINE Lanes rint_of(Lanes v) {
    const Lanes whole = with_sign_of(nearest(v), v), size = (Lanes)((Whole)v & 0x7fffffff);
    return size < all(0x1p22f) ? whole : size < all(0x1p23f) ? with_sign_of((size + 0x1p23f) - 0x1p23f, v) : v;
}

/// a * b + c, rounded once where the machine can.
LEAKY_INLINE Lanes fused(Lanes a, Lanes b, Lanes c) {
#if defined(__AVX512F__)
    return (Lanes)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
    return (Lanes)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}
/// (expm1(r) - r) / r^2 for |r| <= ln 2 / 2, by powers of r. All three: interpolated in 40 digits at Chebyshev's nodes.
constexpr float kExp[] = {
    0.500000001f, 0.166666667f, 0.0416664568f, 0.00833331002f, 0.00139345419f, 0.000198919813f};
/// (log1p(f) - f + f^2 / 2) / f^3 between sqrt(1/2) - 1 and sqrt(2) - 1.
constexpr float kLog[] = {
    0.333333312f, -0.249999969f, 0.200007207f, -0.166678098f, 0.14248877f, -0.124253598f, 0.116870249f,
    -0.114830813f, 0.0697134632f};
/// (1 + 2 t) exp(t^2) erfc(t) for 0 <= t <= 10.4, by powers of (t - 3.75) / (t + 3.75).
constexpr float kTail[] = {
    1.23751264f, -0.140240523f, 0.00358467181f, 0.0822729538f, -0.1087914f, 0.0923611874f, -0.0587368683f,
    0.0280354318f, -0.00991510947f, 0.00232963121f, 0.001104746f};
template <int N> LEAKY_INLINE Lanes polynomial(const float (&terms)[N], Lanes v) {
    Lanes sum = all(terms[N - 1]);
    _Pragma("GCC unroll 16") for (int i = N - 2; i >= 0; --i) sum = fused(sum, v, all(terms[i]));
    return sum;
}

struct Reduced {
    Lanes rest;  // expm1(v - n ln 2)
    Lanes n;
};
/// v + low = n ln 2 + r with |r| <= ln 2 / 2, for sums below 2^21. NaN stays in `rest`.
template <class... Low> LEAKY_INLINE Reduced reduced(Lanes v, Low... low) {
    const Lanes shift = all(0x1.8p23f), n = fused((v + ... + low), all(0x1.715476p+0f), shift) - shift;
    // ln 2 in two parts: n times the first is exact
    const Lanes r = (fused(n, all(-0x1.7f7d1cp-20f), fused(n, all(-0x1.62e4p-1f), v)) + ... + low);
    return {fused(r * r, polynomial(kExp, r), r), n};
}

/// exp(v) for v <= 89.
LEAKY_INLINE Lanes exp_below(Lanes v) {
    const Reduced e = reduced(at_least(v, -104.0f));
    return scaled(1.0f + e.rest, e.n);
}
LEAKY_INLINE Lanes exp_of(Lanes v) { return exp_below(at_most(v, 89.0f)); }

/// expm1(v) for v <= 89; 0 is positive.
LEAKY_INLINE Lanes expm1_below(Lanes v) {
    const Reduced e = reduced(at_least(v, -20.0f));
    return scaled((1.0f - scaled(all(1.0f), -e.n)) + e.rest, e.n);
}
LEAKY_INLINE Lanes expm1_of(Lanes v) { return with_sign_of(expm1_below(at_most(v, 89.0f)), v); }

/// log1p(f) = f - f^2/2 + f^3 g(f) between sqrt(1/2) - 1 and sqrt(2) - 1, g interpolated as above.
LEAKY_INLINE Lanes log1p_of(Lanes v) {
    const Lanes u = 1.0f + v, big = u - 1.0f, lost = (v - big) + (1.0f - (u - big));  // 1 + v = u + lost, exactly
    const Whole bits = (Whole)u, n = (bits - 0x3f3504f3) >> 23;  // u = m 2^n with sqrt(1/2) <= m < sqrt(2)
    const Lanes m = (Lanes)(bits - (n << 23)), wide = __builtin_convertvector(n, Lanes);
    const Lanes f = (m - 1.0f) + scaled(lost, -wide);
    const Lanes square = f * f;
    const Lanes g = polynomial(kLog, f);
    const Lanes value = fused(wide, all(0x1.62e4p-1f), f + fused(wide, all(0x1.7f7d1cp-20f), square * fused(f, g, all(-0.5f))));
    const Lanes endless = all(__builtin_inff());
    const Lanes inside = v == all(-1.0f) ? -endless : v < all(-1.0f) ? all(__builtin_nanf("")) : value;
    return v == endless ? v : with_sign_of(inside, v);
}

/// exp(-|v|) is never above 1, and the quotient never inf / inf.
LEAKY_INLINE Lanes sigmoid_of(Lanes v) {
    const Lanes decay = exp_below((Lanes)((Whole)v | (Whole)all(-0.0f)));
    return (v > Lanes{} ? all(1.0f) : decay) / (1.0f + decay);
}

/// v / (1 + exp(-v)); on the left v exp(v) / (1 + exp(v)), the product scaled last, so that it keeps its digits.
LEAKY_INLINE Lanes silu_of(Lanes v) {
    const Lanes top = at_most((Lanes)((Whole)v & 0x7fffffff), 110.0f);
    const Reduced e = reduced(-top);
    const Lanes whole = 1.0f + e.rest, below = 1.0f + scaled(whole, e.n);
    const Lanes left = with_sign_of(scaled(top * whole, e.n), v);
    return v <= all(-2e4f) ? Lanes{} : (v > Lanes{} ? v : left) / below;
}

/// v P(z < v). With s = |v|, w = s P(z > s) is s exp(-s^2/2) (a slow curve): v - w on the right, -w on the left.
LEAKY_INLINE Lanes gelu_of(Lanes v) {
    const Lanes s = at_most((Lanes)((Whole)v & 0x7fffffff), 14.5f);
    const Lanes near = nearest(s * 16.0f) * 0.0625f;  // few enough digits for an exact square
    const Reduced e = reduced(near * near * -0.5f, (s - near) * (s + near) * -0.5f);
    const Lanes t = s * 0x1.6a09e6p-1f, slow = polynomial(kTail, (t - 3.75f) / (t + 3.75f)) / fused(t, all(4.0f), all(2.0f));
    const Lanes w = scaled(s * slow * (1.0f + e.rest), e.n);
    return v > Lanes{} ? v - w : v <= all(-40.0f) ? Lanes{} : with_sign_of(w, v);
}

/// By table, or -t / (2 + t) with t = expm1(-2 |v|).
LEAKY_INLINE Lanes tanh_of(Lanes v) {
    const Lanes size = at_most((Lanes)((Whole)v & 0x7fffffff), 10.0f);
#if defined(__AVX512F__)
    return with_sign_of(tanh_by_table(size), v);
#else
    const Lanes t = expm1_below(-2.0f * size);
    return with_sign_of(t / (2.0f + t), v);
#endif
}

LEAKY_LEVEL_END
