// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011: Parallel Random Numbers: As Easy as
// 1, 2, 3. SC). The number of an element depends on the seed and its place alone: not on the level, nor on threads.
#pragma once

#include "memory.hpp"

LEAKY_LEVEL_BEGIN

typedef uint64_t Wide __attribute__((vector_size(LEAKY_BYTES)));
typedef uint32_t Narrow __attribute__((vector_size(LEAKY_BYTES / 2)));
constexpr int kWide = LEAKY_BYTES / 8;
constexpr int kDrawn = 32;  // numbers of eight counters, four each

/// Products of the lower halves of the lanes; what stands in the upper halves does not matter.
LEAKY_INLINE Wide product(Wide a, Wide b) {
#if defined(__AVX512F__)
    return (Wide)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (Wide)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif LEAKY_X86
    return (Wide)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}
LEAKY_INLINE Wide wide_of(uint64_t value) { return value + Wide{}; }

struct Keys {
    uint64_t first[10], second[10];

    explicit Keys(uint64_t seed) {
        uint32_t low = uint32_t(seed), high = uint32_t(seed >> 32);
        for (int round = 0; round < 10; ++round) {
            first[round] = low;
            second[round] = high;
            low += 0x9E3779B9u;
            high += 0xBB67AE85u;
        }
    }
};

/// Numbers 32 * first .. of the sequence: number 32 * p + 8 * w + c is word w of the block with counter 8 * p + c.
inline void draw(const Keys& keys, uint64_t first, int64_t packs, uint32_t* out) {
    Wide lane{};
    for (int i = 0; i < kWide; ++i) lane[i] = uint64_t(i);
    const Wide by_first = wide_of(0xD2511F53u), by_third = wide_of(0xCD9E8D57u);
    for (int64_t pack = 0; pack < packs; ++pack) {
        for (int group = 0; group < 8; group += kWide) {
            const Wide counter = wide_of((first + uint64_t(pack)) * 8 + uint64_t(group)) + lane;
            Wide a = counter, b = counter >> 32, c{}, d{};
#pragma GCC unroll 10
            for (int round = 0; round < 10; ++round) {
                const Wide one = product(a, by_first), other = product(c, by_third);
                a = (other >> 32) ^ b ^ wide_of(keys.first[round]);
                c = (one >> 32) ^ d ^ wide_of(keys.second[round]);
                b = other;
                d = one;
            }
            uint32_t* at = out + pack * kDrawn + group;
            put(at, __builtin_convertvector(a, Narrow));
            put(at + 8, __builtin_convertvector(b, Narrow));
            put(at + 16, __builtin_convertvector(c, Narrow));
            put(at + 24, __builtin_convertvector(d, Narrow));
        }
    }
}

/// The upper 24 bits as a number from 0 up to 1, exactly, in every precision alike.
template <class C> LEAKY_INLINE Pack<C> uniform(const uint32_t* drawn) {
    Pack<C> r;
    if constexpr (sizeof(C) == 4) {
        using U = Register<float>::U;
        LEAKY_EACH r.v[k] = __builtin_convertvector((Register<float>::M)(get<U>(drawn + k * Pack<C>::width) >> 8), FloatV) * 0x1p-24f;
    } else {
        typedef int32_t Half __attribute__((vector_size(LEAKY_BYTES / 2)));
        LEAKY_EACH r.v[k] = __builtin_convertvector((Half)(get<Narrow>(drawn + k * Pack<C>::width) >> 8), Register<double>::V) * 0x1p-24;
    }
    return r;
}

LEAKY_LEVEL_END
