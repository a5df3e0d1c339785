// Clamping between two ends, with one bit per element for the way back, which is ReLU's (elementwise.hpp).
#pragma once

#include "chunks.hpp"
#include "layers.hpp"

LEAKY_LEVEL_BEGIN

/// The ends, as torch has them: values are clamped to their rounded form, gradients pass between the others.
template <class C> struct Ends {
    C low, high, open_low, open_high;
};

template <class C> LEAKY_INLINE Pack<C> clamped(const Pack<C>& x, const Same<C>& low, const Same<C>& high) {
    Pack<C> r;
    LEAKY_EACH r.v[k] = x.v[k] < low.v ? low.v : x.v[k] > high.v ? high.v : x.v[k];
    return r;
}

template <class C> LEAKY_INLINE uint32_t between_bits(const Pack<C>& x, const Same<C>& low, const Same<C>& high) {
    uint32_t bits = 0;
    LEAKY_EACH bits |= bits_of_mask(~(x.v[k] <= low.v) & ~(x.v[k] >= high.v)) << (k * Pack<C>::width);
    return bits;
}

template <class T, bool Mask, bool Stream>
void clamp_range(const T* x, T* y, uint8_t* mask, int64_t count, Ends<Compute<T>> ends) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    const Same<C> low = splat(ends.low), high = splat(ends.high);
    if constexpr (!Mask) return map_range<T, Stream>(x, y, count, [low, high](const Pack<C>& v) { return clamped(v, low, high); });
    const Same<C> open_low = splat(ends.open_low), open_high = splat(ends.open_high);
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        const Pack<C> v = load(x + i);
        store<Stream>(y + i, clamped(v, low, high));
        put_bits<lanes>(mask + i / 8, between_bits(v, open_low, open_high), lanes);
    }
    if (i < count) {
        const int rest = int(count - i);
        const Pack<C> v = load_part(x + i, rest, C(0));
        store_part(y + i, rest, clamped(v, low, high));
        put_bits<lanes>(mask + i / 8, between_bits(v, open_low, open_high), rest);
    }
    if constexpr (Stream) stream_end();
}

template <class T> Compute<T> rounded(double value) {
    T narrow_value;
    narrow(Compute<T>(value), narrow_value);
    return widen(narrow_value);
}

template <class T> void clamp_of(const ClampCall& call) {
    using C = Compute<T>;
    const bool stream = past_caches<T>(call.x, call.out, call.count);
    const auto range = call.mask ? (stream ? clamp_range<T, true, true> : clamp_range<T, true, false>)
                                 : (stream ? clamp_range<T, false, true> : clamp_range<T, false, false>);
    const Ends<C> ends{rounded<T>(call.low), rounded<T>(call.high), C(call.low), C(call.high)};
    in_chunks(call.count, call.threads, [&call, &ends, range](int64_t start, int64_t size) {
        range(static_cast<const T*>(call.x) + start, static_cast<T*>(call.out) + start,
              call.mask ? call.mask + start / 8 : nullptr, size, ends);
    });
}

LEAKY_LEVEL_END
