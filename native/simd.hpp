// A pack: 128 bytes of compute type (32 floats or 16 doubles), whatever the registers' width is.
// Every level therefore adds in the same order and gives the same bits. Written with the compilers' vector
// extension (GCC and Clang, any architecture); intrinsics only where it has no word for an operation.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__SSE2__) && !defined(LEAKY_GENERIC)  // LEAKY_GENERIC: as on other architectures, to try it here
#define LEAKY_X86 1
#include <immintrin.h>
#endif

#include "half.hpp"

LEAKY_LEVEL_BEGIN

#if defined(__AVX512F__)
#define LEAKY_BYTES 64
#elif defined(__AVX2__)
#define LEAKY_BYTES 32
#else
#define LEAKY_BYTES 16
#endif
#define LEAKY_INLINE inline __attribute__((always_inline))

template <class C> struct Register;
template <> struct Register<float> {
    typedef float V __attribute__((vector_size(LEAKY_BYTES)));
    typedef int32_t M __attribute__((vector_size(LEAKY_BYTES)));
    typedef uint32_t U __attribute__((vector_size(LEAKY_BYTES)));
    typedef uint16_t H __attribute__((vector_size(LEAKY_BYTES / 2)));
};
template <> struct Register<double> {
    typedef double V __attribute__((vector_size(LEAKY_BYTES)));
    typedef int64_t M __attribute__((vector_size(LEAKY_BYTES)));
};

template <class C> struct Pack {
    using V = typename Register<C>::V;
    using M = typename Register<C>::M;
    static constexpr int lanes = 128 / int(sizeof(C)), registers = 128 / LEAKY_BYTES;
    static constexpr int width = lanes / registers;
    V v[registers];
};

#if defined(__clang__)
#define LEAKY_EACH _Pragma("unroll") for (int k = 0; k < Pack<C>::registers; ++k)
#else
#define LEAKY_EACH _Pragma("GCC unroll 8") for (int k = 0; k < Pack<C>::registers; ++k)
#endif

/// A register at any address. (memcpy of a whole pack would go through the stack.)
template <class R> struct __attribute__((packed, may_alias)) Anywhere {
    R value;
};
template <class R> LEAKY_INLINE R get(const void* p) { return static_cast<const Anywhere<R>*>(p)->value; }
template <class R> LEAKY_INLINE void put(void* p, const R& value) { static_cast<Anywhere<R>*>(p)->value = value; }

/// One number in every lane: a single register, so that constants do not crowd the others out.
template <class C> struct Same {
    typename Register<C>::V v;
};
template <class C> LEAKY_INLINE Same<C> splat(C value) {
    return {value - typename Register<C>::V{}};  // x - (+0) is x for every x, -0 included
}
template <class C> LEAKY_INLINE typename Register<C>::V part(const Pack<C>& p, int k) { return p.v[k]; }
template <class C> LEAKY_INLINE typename Register<C>::V part(const Same<C>& s, int) { return s.v; }

template <class C, class B> LEAKY_INLINE Pack<C> operator+(Pack<C> a, const B& b) { LEAKY_EACH a.v[k] += part(b, k); return a; }
template <class C, class B> LEAKY_INLINE Pack<C> operator-(Pack<C> a, const B& b) { LEAKY_EACH a.v[k] -= part(b, k); return a; }
template <class C, class B> LEAKY_INLINE Pack<C> operator*(Pack<C> a, const B& b) { LEAKY_EACH a.v[k] *= part(b, k); return a; }

/// a where test > 0, else b (NaN: b).
template <class C, class B> LEAKY_INLINE Pack<C> where_positive(const Pack<C>& test, const Pack<C>& a, const B& b) {
    Pack<C> r;
    LEAKY_EACH r.v[k] = test.v[k] > typename Pack<C>::V{} ? a.v[k] : part(b, k);
    return r;
}
/// +0 where test <= 0, else a (NaN: a).
template <class C> LEAKY_INLINE Pack<C> unless_low(const Pack<C>& test, const Pack<C>& a) {
    Pack<C> r;
    const typename Pack<C>::V zero{};
    LEAKY_EACH r.v[k] = test.v[k] <= zero ? zero : a.v[k];
    return r;
}
/// +0 where x < 0 (Zeros: x <= 0), else x; NaN stays.
template <bool Zeros, class C> LEAKY_INLINE Pack<C> rectified(const Pack<C>& x) {
    Pack<C> r;
    const typename Pack<C>::V zero{};
    LEAKY_EACH r.v[k] = (Zeros ? x.v[k] <= zero : x.v[k] < zero) ? zero : x.v[k];
    return r;
}

LEAKY_INLINE uint32_t bits_of_mask(Register<float>::M m) {
#if defined(__AVX512F__)
    return _mm512_test_epi32_mask((__m512i)m, (__m512i)m);
#elif defined(__AVX2__)
    return uint32_t(_mm256_movemask_ps((__m256)m));
#elif LEAKY_X86
    return uint32_t(_mm_movemask_ps((__m128)m));
#else
    return uint32_t(m[0] & 1) | uint32_t(m[1] & 2) | uint32_t(m[2] & 4) | uint32_t(m[3] & 8);
#endif
}
LEAKY_INLINE uint32_t bits_of_mask(Register<double>::M m) {
#if defined(__AVX512F__)
    return _mm512_test_epi64_mask((__m512i)m, (__m512i)m);
#elif defined(__AVX2__)
    return uint32_t(_mm256_movemask_pd((__m256d)m));
#elif LEAKY_X86
    return uint32_t(_mm_movemask_pd((__m128d)m));
#else
    return uint32_t(m[0] & 1) | uint32_t(m[1] & 2);
#endif
}

/// Bit i: x[i] > 0 (Relu: not x[i] <= 0, so NaN counts as positive).
template <bool Relu, class C> LEAKY_INLINE uint32_t positive_bits(const Pack<C>& x) {
    uint32_t bits = 0;
    const typename Pack<C>::V zero{};
    LEAKY_EACH bits |= bits_of_mask(Relu ? ~(x.v[k] <= zero) : x.v[k] > zero) << (k * Pack<C>::width);
    return bits;
}

LEAKY_INLINE Register<float>::V blend(uint32_t bits, Register<float>::V a, Register<float>::V b) {
#if defined(__AVX512F__)
    return (Register<float>::V)_mm512_mask_blend_ps(__mmask16(bits), (__m512)b, (__m512)a);
#else
#if defined(__AVX2__)
    const Register<float>::M powers = {1, 2, 4, 8, 16, 32, 64, 128};
#else
    const Register<float>::M powers = {1, 2, 4, 8};
#endif
    return ((powers & int32_t(bits)) == powers) ? a : b;
#endif
}
LEAKY_INLINE Register<double>::V blend(uint32_t bits, Register<double>::V a, Register<double>::V b) {
#if defined(__AVX512F__)
    return (Register<double>::V)_mm512_mask_blend_pd(__mmask8(bits), (__m512d)b, (__m512d)a);
#else
#if defined(__AVX2__)
    const Register<double>::M powers = {1, 2, 4, 8};
#else
    const Register<double>::M powers = {1, 2};
#endif
    return ((powers & int64_t(bits)) == powers) ? a : b;
#endif
}
/// a where the lane's bit is set, else b.
template <class C, class B> LEAKY_INLINE Pack<C> where_bits(uint32_t bits, const Pack<C>& a, const B& b) {
    Pack<C> r;
    LEAKY_EACH r.v[k] = blend(bits >> (k * Pack<C>::width), a.v[k], part(b, k));
    return r;
}

/// Lanes added in a fixed order, in double.
template <class C> LEAKY_INLINE double total(const Pack<C>& p) {
    C lanes[Pack<C>::lanes];
    std::memcpy(lanes, &p, sizeof lanes);
    double sums[4] = {0, 0, 0, 0};
    for (int i = 0; i < Pack<C>::lanes; i += 4)
        for (int j = 0; j < 4; ++j) sums[j] += double(lanes[i + j]);
    return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

LEAKY_LEVEL_END
