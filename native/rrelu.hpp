// Randomized leaky ReLU: the slope of each element below 0 is drawn, and on the way back drawn again from the seed.
#pragma once

#include "chunks.hpp"
#include "draws.hpp"
#include "layers.hpp"

LEAKY_LEVEL_BEGIN

constexpr int64_t kDrawBlock = 1024;

/// v times a slope from low up to low + span; `Divide`: over a divisor from there.
template <bool Divide, class C>
LEAKY_INLINE Pack<C> by_slope(const Pack<C>& v, const uint32_t* drawn, const Same<C>& low, const Same<C>& span) {
    const Pack<C> slope = uniform<C>(drawn) * span + low;
    if constexpr (!Divide) return v * slope;
    Pack<C> r;
    LEAKY_EACH r.v[k] = v.v[k] / slope.v[k];
    return r;
}

/// One way or the other: `Back` reads the bits (of the elements that keep their value), else they are written.
template <class T, bool Back, bool Divide, bool Stream>
void rrelu_range(const T* in, T* out, uint8_t* mask, int64_t start, int64_t count, const Keys& keys, Compute<T> low_of_all,
                 Compute<T> span_of_all) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    alignas(64) uint32_t drawn[kDrawBlock];
    const Same<C> low = splat(low_of_all), span = splat(span_of_all);
    for (int64_t at = 0; at < count; at += kDrawBlock) {
        const int64_t size = count - at < kDrawBlock ? count - at : kDrawBlock;
        draw(keys, uint64_t(start + at) / kDrawn, (size + kDrawn - 1) / kDrawn, drawn);
        for (int64_t i = 0; i < size; i += lanes) {
            const int rest = int(size - i < lanes ? size - i : lanes);
            const Pack<C> v = rest == lanes ? load(in + at + i) : load_part(in + at + i, rest, C(0));
            uint32_t bits;
            if constexpr (Back) bits = get_bits<lanes>(mask + (at + i) / 8, rest);
            else bits = positive_bits<true>(v);
            const Pack<C> r = where_bits(bits, v, by_slope<Divide>(v, drawn + i, low, span));
            if (rest == lanes) store<Stream>(out + at + i, r);
            else store_part(out + at + i, rest, r);
            if (!Back && mask) put_bits<lanes>(mask + (at + i) / 8, bits, rest);
        }
    }
    if constexpr (Stream) stream_end();
}

template <class T, bool Back, bool Divide> void rrelu_as(const RandomCall& call) {
    using C = Compute<T>;
    const auto range = past_caches<T>(call.in, call.out, call.count) ? rrelu_range<T, Back, Divide, true> : rrelu_range<T, Back, Divide, false>;
    const Keys keys(call.seed);
    in_chunks(call.count, call.threads, [&call, &keys, range](int64_t start, int64_t size) {
        range(static_cast<const T*>(call.in) + start, static_cast<T*>(call.out) + start,
              call.mask ? call.mask + start / 8 : nullptr, start, size, keys, C(call.low), C(call.high - call.low));
    });
}

template <class T> void rrelu_of(const RandomCall& call) {
    if (call.back) call.divide ? rrelu_as<T, true, true>(call) : rrelu_as<T, true, false>(call);
    else call.divide ? rrelu_as<T, false, true>(call) : rrelu_as<T, false, false>(call);
}

LEAKY_LEVEL_END
