// Between memory and packs: loads that widen, stores that round once, parts of a pack at an end, and stores
// that go past the caches. Any alignment, except for the streaming stores.
#pragma once

#include "simd.hpp"

LEAKY_LEVEL_BEGIN

using FloatV = Register<float>::V;
using FloatU = Register<float>::U;
using FloatH = Register<float>::H;

LEAKY_INLINE FloatV widen_register(FloatH h, const bf16*) {
    return (FloatV)(__builtin_convertvector(h, FloatU) << 16);
}
LEAKY_INLINE FloatH narrow_register(FloatV v, const bf16*) {
    const FloatU bits = (FloatU)v, rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    return __builtin_convertvector((v != v) ? ((bits >> 16) | 0x40u) : rounded, FloatH);
}
LEAKY_INLINE FloatV widen_register(FloatH h, const f16*) {
#if defined(__AVX512F__)
    return (FloatV)_mm512_cvtph_ps((__m256i)h);
#elif defined(__F16C__)
    return (FloatV)_mm256_cvtph_ps((__m128i)h);
#else
    FloatV v;
    for (int i = 0; i < Pack<float>::width; ++i) v[i] = widen(f16{h[i]});
    return v;
#endif
}
LEAKY_INLINE FloatH narrow_register(FloatV v, const f16*) {
#if defined(__AVX512F__)
    return (FloatH)_mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif defined(__F16C__)
    return (FloatH)_mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
    FloatH h;
    for (int i = 0; i < Pack<float>::width; ++i) {
        f16 one;
        narrow(v[i], one);
        h[i] = one.bits;
    }
    return h;
#endif
}

template <class T> LEAKY_INLINE Pack<Compute<T>> load(const T* p) {
    using C = Compute<T>;
    Pack<C> r;
    if constexpr (sizeof(T) == 2) {
        LEAKY_EACH r.v[k] = widen_register(get<FloatH>(p + k * Pack<C>::width), p);
    } else {
        LEAKY_EACH r.v[k] = get<typename Pack<C>::V>(p + k * Pack<C>::width);
    }
    return r;
}

template <class R> LEAKY_INLINE void stream(void* p, const R& value) {
#if defined(__AVX512F__)
    if constexpr (sizeof(R) == 64) _mm512_stream_si512((__m512i*)p, (__m512i)value);
#endif
#if defined(__AVX2__)
    if constexpr (sizeof(R) == 32) _mm256_stream_si256((__m256i*)p, (__m256i)value);
#endif
#if LEAKY_X86
    if constexpr (sizeof(R) == 16) _mm_stream_si128((__m128i*)p, (__m128i)value);
    if constexpr (sizeof(R) == 8) std::memcpy(p, &value, 8);
#else
    std::memcpy(p, &value, sizeof value);
#endif
}
/// After streaming stores, before another thread may read.
inline void stream_end() {
#if LEAKY_X86
    _mm_sfence();
#endif
}

template <bool Stream = false, class T> LEAKY_INLINE void store(T* p, const Pack<Compute<T>>& value) {
    using C = Compute<T>;
    if constexpr (sizeof(T) == 2) {
        LEAKY_EACH {
            const FloatH h = narrow_register(value.v[k], p);
            if constexpr (Stream) stream(p + k * Pack<C>::width, h);
            else put(p + k * Pack<C>::width, h);
        }
    } else if constexpr (Stream) {
        LEAKY_EACH stream(p + k * Pack<C>::width, value.v[k]);
    } else {
        LEAKY_EACH put(p + k * Pack<C>::width, value.v[k]);
    }
}

/// The first `count` elements (0 <= count <= lanes), `fill` in the other lanes; nothing beyond is touched.
template <class T> LEAKY_INLINE Pack<Compute<T>> load_part(const T* p, int count, Compute<T> fill) {
    using C = Compute<T>;
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 2) {
        Pack<C> r;
        LEAKY_EACH {
            const uint32_t mask = uint32_t((uint64_t(1) << count) - 1) >> (k * 16) & 0xffffu;
            const FloatH h = (FloatH)_mm256_maskz_loadu_epi16(__mmask16(mask), p + k * 16);
            r.v[k] = blend(mask, widen_register(h, p), splat(fill).v);
        }
        return r;
    } else {
        Pack<C> r;
        LEAKY_EACH {
            const uint32_t mask = uint32_t((uint64_t(1) << count) - 1) >> (k * Pack<C>::width);
            if constexpr (sizeof(T) == 4)
                r.v[k] = (typename Pack<C>::V)_mm512_mask_loadu_ps((__m512)splat(fill).v, __mmask16(mask), p + k * 16);
            else
                r.v[k] = (typename Pack<C>::V)_mm512_mask_loadu_pd((__m512d)splat(fill).v, __mmask8(mask), p + k * 8);
        }
        return r;
    }
#else
    C lanes[Pack<C>::lanes];
    for (int i = 0; i < Pack<C>::lanes; ++i) lanes[i] = i < count ? widen(p[i]) : fill;
    return load(lanes);
#endif
}

template <class T> LEAKY_INLINE void store_part(T* p, int count, const Pack<Compute<T>>& value) {
    using C = Compute<T>;
#if defined(__AVX512F__)
    LEAKY_EACH {
        const uint32_t mask = uint32_t((uint64_t(1) << count) - 1) >> (k * Pack<C>::width);
        if constexpr (sizeof(T) == 2)
            _mm256_mask_storeu_epi16(p + k * 16, __mmask16(mask), (__m256i)narrow_register(value.v[k], p));
        else if constexpr (sizeof(T) == 4)
            _mm512_mask_storeu_ps(p + k * 16, __mmask16(mask), (__m512)value.v[k]);
        else
            _mm512_mask_storeu_pd(p + k * 8, __mmask8(mask), (__m512d)value.v[k]);
    }
#else
    T elements[Pack<C>::lanes];
    store(elements, value);
    for (int i = 0; i < count; ++i) p[i] = elements[i];
#endif
}

/// Loaded once: a compiler may otherwise read memory again where an operation takes it from there.
template <class C> LEAKY_INLINE Pack<C> in_registers(Pack<C> p) {
#if defined(__AVX512F__)
    LEAKY_EACH asm("" : "+v"(p.v[k]));
#elif LEAKY_X86
    LEAKY_EACH asm("" : "+x"(p.v[k]));
#endif
    return p;
}

/// y = f(x), pack by pack, once y is aligned: NumPy's arrays start 16 bytes after a line of the cache, and each wide
/// store would touch two. `Stream` past the caches.
template <class T, bool Stream, class F> LEAKY_INLINE void map_range(const T* x, T* y, int64_t count, const F& f) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    int64_t i = 0;
    if (Stream || count >= 16 * lanes) {
        const int64_t head = int64_t((64 - (reinterpret_cast<uintptr_t>(y) & 63)) & 63) / int64_t(sizeof(T));
        for (int64_t done; i < head && i < count; i += done) {
            done = head - i < lanes ? head - i : lanes;
            done = count - i < done ? count - i : done;
            store_part(y + i, int(done), f(load_part(x + i, int(done), C(0))));
        }
    }
    for (; i + lanes <= count; i += lanes) store<Stream>(y + i, f(in_registers(load(x + i))));
    if (i < count) store_part(y + i, int(count - i), f(load_part(x + i, int(count - i), C(0))));
    if constexpr (Stream) stream_end();
}

LEAKY_LEVEL_END
