// Softplus' gradient from its output: f'(x) = 1 - exp(-beta y), which loses no digits on the left, where y is small.
#pragma once

#include "chunks.hpp"
#include "curves.hpp"
#include "layers.hpp"

LEAKY_LEVEL_BEGIN

LEAKY_INLINE Pack<float> softplus_slope(const Pack<float>& grad, const Pack<float>& y, Lanes beta, Lanes threshold) {
    using C = float;
    Pack<float> r;
    LEAKY_EACH {
        const Lanes scaled_y = y.v[k] * beta;
        r.v[k] = scaled_y > threshold ? grad.v[k] : grad.v[k] * -expm1_of(-scaled_y);
    }
    return r;
}

template <class T, bool Stream>
void softplus_range(const T* g, const T* y, T* out, int64_t count, float beta_of_all, float threshold_of_all) {
    constexpr int lanes = Pack<float>::lanes;
    const Lanes beta = all(beta_of_all), threshold = all(threshold_of_all);
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes)
        store<Stream>(out + i, softplus_slope(load(g + i), load(y + i), beta, threshold));
    if (i < count) {
        const int rest = int(count - i);
        store_part(out + i, rest, softplus_slope(load_part(g + i, rest, 0.0f), load_part(y + i, rest, 0.0f), beta, threshold));
    }
    if constexpr (Stream) stream_end();
}

template <class T> void softplus_backward_of(const SoftplusBackward& call) {
    const auto range = past_caches<T>(call.grad, call.out, call.count) ? softplus_range<T, true> : softplus_range<T, false>;
    in_chunks(call.count, call.threads, [&call, range](int64_t start, int64_t size) {
        range(static_cast<const T*>(call.grad) + start, static_cast<const T*>(call.y) + start,
              static_cast<T*>(call.out) + start, size, float(call.beta), float(call.threshold));
    });
}

LEAKY_LEVEL_END
