// Dropout of numbers that torch has drawn: elements are scaled or made 0, with one bit for each on the way back.
#pragma once

#include "chunks.hpp"
#include "layers.hpp"

LEAKY_LEVEL_BEGIN

/// Bit i: drawn[i], which is 0 or 1.
template <int lanes> LEAKY_INLINE uint32_t drawn_bits(const uint8_t* drawn, int count) {
    uint32_t bits = 0;
    if (count == lanes) {
#pragma GCC unroll 4
        for (int byte = 0; byte < lanes / 8; ++byte) {
            uint64_t eight;
            std::memcpy(&eight, drawn + 8 * byte, 8);
            bits |= uint32_t((eight * 0x0102040810204080u) >> 56) << (8 * byte);  // each to its place in the top byte
        }
    } else {
        for (int i = 0; i < count; ++i) bits |= uint32_t(drawn[i]) << i;
    }
    return bits;
}

/// One way or the other: `Back` reads the bits (of the elements that are kept), else they are made from `drawn`. What
/// is dropped is multiplied by 0, as in torch: NaN and infinities become NaN, and signs stay.
template <class T, bool Back, bool Stream>
void dropout_range(const T* in, T* out, const uint8_t* drawn, uint8_t* mask, int64_t count, Compute<T> scale_of_all) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    const Same<C> scale = splat(scale_of_all), zero = splat(C(0));
    for (int64_t i = 0; i < count; i += lanes) {
        const int rest = int(count - i < lanes ? count - i : lanes);
        const Pack<C> v = rest == lanes ? load(in + i) : load_part(in + i, rest, C(0));
        uint32_t bits;
        if constexpr (Back) bits = get_bits<lanes>(mask + i / 8, rest);
        else bits = drawn_bits<lanes>(drawn + i, rest);
        const Pack<C> r = where_bits(bits, v * scale, v * zero);
        if (rest == lanes) store<Stream>(out + i, r);
        else store_part(out + i, rest, r);
        if constexpr (!Back) put_bits<lanes>(mask + i / 8, bits, rest);
    }
    if constexpr (Stream) stream_end();
}

template <class T, bool Back> void dropout_as(const DropoutCall& call) {
    const auto range = past_caches<T>(call.in, call.out, call.count) ? dropout_range<T, Back, true> : dropout_range<T, Back, false>;
    in_chunks(call.count, call.threads, [&call, range](int64_t start, int64_t size) {
        range(static_cast<const T*>(call.in) + start, static_cast<T*>(call.out) + start,
              Back ? nullptr : call.drawn + start, call.mask + start / 8, size, Compute<T>(call.scale));
    });
}

template <class T> void dropout_of(const DropoutCall& call) {
    call.drawn ? dropout_as<T, false>(call) : dropout_as<T, true>(call);
}

LEAKY_LEVEL_END
