// Leaky ReLU and ReLU, element by element, with one bit per element for the way back.
#pragma once

#include "kernels.hpp"
#include "memory.hpp"
#include "parallel.hpp"

LEAKY_LEVEL_BEGIN

template <Rectifier R, class C> LEAKY_INLINE Pack<C> rectify(const Pack<C>& x, const Same<C>& slope) {
    if constexpr (R == Rectifier::leaky) return where_positive(x, x, x * slope);
    else return rectified<false>(x);
}

/// The gradient on the lower side.
template <Rectifier R, class C> LEAKY_INLINE Pack<C> lower(const Pack<C>& grad, const Same<C>& slope) {
    if constexpr (R == Rectifier::leaky) return grad * slope;
    else return {};
}

template <class T, Rectifier R, bool Mask, bool Stream>
void forward_range(const T* x, T* y, uint8_t* mask, int64_t count, Compute<T> a) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    const Same<C> slope = splat(a);
    if constexpr (!Mask) return map_range<T, Stream>(x, y, count, [slope](const Pack<C>& v) { return rectify<R>(v, slope); });
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        const Pack<C> v = load(x + i);
        store<Stream>(y + i, rectify<R>(v, slope));
        const uint32_t bits = positive_bits<R != Rectifier::leaky>(v);
        std::memcpy(mask + i / 8, &bits, lanes / 8);
    }
    if (i < count) {
        const int rest = int(count - i);
        const Pack<C> v = load_part(x + i, rest, C(0));
        store_part(y + i, rest, rectify<R>(v, slope));
        const uint32_t bits = positive_bits<R != Rectifier::leaky>(v);
        for (int byte = 0; byte * 8 < rest; ++byte) mask[i / 8 + byte] = uint8_t(bits >> (8 * byte));
    }
    if constexpr (Stream) stream_end();
}

template <class T, Rectifier R, bool Stream>
void backward_range(const T* g, T* out, const uint8_t* mask, int64_t count, Compute<T> a) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    const Same<C> slope = splat(a);
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        uint32_t bits = 0;
        std::memcpy(&bits, mask + i / 8, lanes / 8);
        const Pack<C> v = load(g + i);
        store<Stream>(out + i, where_bits(bits, v, lower<R>(v, slope)));
    }
    if (i < count) {
        const int rest = int(count - i);
        uint32_t bits = 0;
        for (int byte = 0; byte * 8 < rest; ++byte) bits |= uint32_t(mask[i / 8 + byte]) << (8 * byte);
        const Pack<C> v = load_part(g + i, rest, C(0));
        store_part(out + i, rest, where_bits(bits, v, lower<R>(v, slope)));
    }
    if constexpr (Stream) stream_end();
}

/// What one thread takes at a time: a multiple of 512 elements, so that no two threads share a line of the mask.
inline int64_t chunk_of(const ElementwiseCall& call) {
    constexpr int64_t least = 16 * 1024, most = 64 * 1024;
    const int64_t even = (call.count / (call.threads > 1 ? call.threads : 1) + 512) / 512 * 512;
    return even < least ? least : even > most ? most : even;
}

template <class T> bool streams(const ElementwiseCall& call, bool bits) {
    const uintptr_t address = reinterpret_cast<uintptr_t>(call.out);
    return call.in != call.out && call.count * int64_t(sizeof(T)) >= half_last_cache() &&
           address % (bits ? 64 : sizeof(T)) == 0;
}

template <class T, Rectifier R> void forward_as(const ElementwiseCall& call) {
    using Range = void (*)(const T*, T*, uint8_t*, int64_t, Compute<T>);
    const bool stream = streams<T>(call, call.mask != nullptr);
    const Range range = call.mask ? (stream ? forward_range<T, R, true, true> : forward_range<T, R, true, false>)
                                  : (stream ? forward_range<T, R, false, true> : forward_range<T, R, false, false>);
    const int64_t size = chunk_of(call);
    const auto chunk = [&call, range, size](int64_t index) {
        const int64_t start = index * size, rest = call.count - start;
        range(static_cast<const T*>(call.in) + start, static_cast<T*>(call.out) + start,
              call.mask ? call.mask + start / 8 : nullptr, rest < size ? rest : size, Compute<T>(call.slope));
    };
    parallel((call.count + size - 1) / size, call.threads, chunk);
}

template <class T, Rectifier R> void backward_as(const ElementwiseCall& call) {
    const auto range = streams<T>(call, true) ? backward_range<T, R, true> : backward_range<T, R, false>;
    const int64_t size = chunk_of(call);
    const auto chunk = [&call, range, size](int64_t index) {
        const int64_t start = index * size, rest = call.count - start;
        range(static_cast<const T*>(call.in) + start, static_cast<T*>(call.out) + start, call.mask + start / 8,
              rest < size ? rest : size, Compute<T>(call.slope));
    };
    parallel((call.count + size - 1) / size, call.threads, chunk);
}

template <class T> void forward_of(const ElementwiseCall& call) {
    if (call.rectifier == Rectifier::leaky) forward_as<T, Rectifier::leaky>(call);
    else forward_as<T, Rectifier::relu>(call);
}

template <class T> void backward_of(const ElementwiseCall& call) {
    if (call.rectifier == Rectifier::leaky) backward_as<T, Rectifier::leaky>(call);
    else backward_as<T, Rectifier::relu>(call);
}

LEAKY_LEVEL_END
