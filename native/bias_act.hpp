// Bias, a rectifier of two lines, gain and clamp in one pass; and the gradients of x and bias in another.
#pragma once

#include "affine.hpp"
#include "bias_act_call.hpp"
#include "bias_act_walk.hpp"

LEAKY_LEVEL_BEGIN

/// a where z > 0 (or NaN), else +0.
template <class C> LEAKY_INLINE Pack<C> above_zero(const Pack<C>& z, const Pack<C>& a) {
    Pack<C> r;
    const typename Pack<C>::V zero{};
    LEAKY_EACH r.v[k] = z.v[k] <= zero ? zero : a.v[k];
    return r;
}
/// y between -c and c; bit: it was strictly between, or NaN.
template <class C> LEAKY_INLINE Pack<C> clamped(const Pack<C>& y, const Same<C>& c, uint32_t& inside) {
    Pack<C> r;
    inside = 0;
    LEAKY_EACH {
        const auto high = y.v[k] >= c.v, low = y.v[k] <= -c.v;
        r.v[k] = high ? c.v : low ? -c.v : y.v[k];
        inside |= bits_of_mask(~(high | low)) << (k * Pack<C>::width);
    }
    return r;
}

template <class C> struct Sides {
    C upper, lower, clamp;
};

template <class T, Lines L, bool Clamp, int Planes> struct BiasActStep {
    using C = Compute<T>;
    Same<C> upper, lower, clamp;

    explicit LEAKY_INLINE BiasActStep(const Sides<C>& sides)
        : upper(splat(sides.upper)), lower(splat(sides.lower)), clamp(splat(sides.clamp)) {}

    LEAKY_INLINE Pack<C> operator()(const Pack<C>& z, uint32_t& side, uint32_t& inside) const {
        Pack<C> y = z * upper;
        if constexpr (L == Lines::two) y = where_positive(z, y, z * lower);
        if constexpr (L == Lines::relu) y = above_zero(z, y);
        if constexpr (Planes > 0) side = L == Lines::one ? ~uint32_t(0) : positive_bits<L == Lines::relu>(z);
        if constexpr (Clamp) y = clamped(y, clamp, inside);
        if constexpr (Planes == 1 && Clamp) side &= inside;
        return y;
    }
};

template <class T, Lines L, bool Clamp, int Planes, bool Stream>
void bias_act_range(const T* x, const Compute<T>* bias, T* y, uint8_t* first, uint8_t* second, int64_t count,
                    const Sides<Compute<T>>& sides) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    const BiasActStep<T, L, Clamp, Planes> step(sides);
    uint32_t side = 0, inside = 0;
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        store<Stream>(y + i, step(load(x + i) + load(bias + i), side, inside));
        if constexpr (Planes > 0) std::memcpy(first + i / 8, &side, lanes / 8);
        if constexpr (Planes > 1) std::memcpy(second + i / 8, &inside, lanes / 8);
    }
    if (i < count) {
        const int rest = int(count - i);
        store_part(y + i, rest, step(load_part(x + i, rest, C(0)) + load_part(bias + i, rest, C(0)), side, inside));
        const uint32_t there = (uint32_t(1) << rest) - 1;
        for (int byte = 0; byte * 8 < rest; ++byte) {
            if constexpr (Planes > 0) first[i / 8 + byte] = uint8_t((side & there) >> (8 * byte));
            if constexpr (Planes > 1) second[i / 8 + byte] = uint8_t((inside & there) >> (8 * byte));
        }
    }
    if constexpr (Stream) stream_end();
}

template <class T, Lines L, int Planes> struct BiasActBackStep {
    using C = Compute<T>;
    Same<C> upper, lower;

    explicit LEAKY_INLINE BiasActBackStep(const Sides<C>& sides) : upper(splat(sides.upper)), lower(splat(sides.lower)) {}

    LEAKY_INLINE Pack<C> operator()(const Pack<C>& grad, uint32_t side, uint32_t inside) const {
        Pack<C> r = grad * upper;
        if constexpr (Planes > 0 && L == Lines::two) r = where_bits(side, r, grad * lower);
        if constexpr (Planes > 0 && L != Lines::two) r = where_bits(side, r, Pack<C>{});
        if constexpr (Planes > 1) r = where_bits(inside, r, Pack<C>{});
        return r;
    }
};

/// `wide` gets what goes to `out`, before it is rounded to the storage type.
template <class T, Lines L, int Planes, bool Stream, bool Sum>
void bias_act_back_range(const T* grad, T* out, Compute<T>* wide, const uint8_t* first, const uint8_t* second,
                         int64_t count, const Sides<Compute<T>>& sides) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    const BiasActBackStep<T, L, Planes> step(sides);
    uint32_t side = 0, inside = 0;
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        if constexpr (Planes > 0) std::memcpy(&side, first + i / 8, lanes / 8);
        if constexpr (Planes > 1) std::memcpy(&inside, second + i / 8, lanes / 8);
        const Pack<C> r = step(load(grad + i), side, inside);
        store<Stream>(out + i, r);
        if constexpr (Sum) store(wide + i, r);
    }
    if (i < count) {
        const int rest = int(count - i);
        side = inside = 0;
        for (int byte = 0; byte * 8 < rest; ++byte) {
            if constexpr (Planes > 0) side |= uint32_t(first[i / 8 + byte]) << (8 * byte);
            if constexpr (Planes > 1) inside |= uint32_t(second[i / 8 + byte]) << (8 * byte);
        }
        const Pack<C> r = step(load_part(grad + i, rest, C(0)), side, inside);
        store_part(out + i, rest, r);
        if constexpr (Sum) store_part(wide + i, rest, r);
    }
    if constexpr (Stream) stream_end();
}

template <class T> bool bias_act_streams(const void* in, const void* out, int64_t count) {
    return in != out && count * int64_t(sizeof(T)) >= half_last_cache() && reinterpret_cast<uintptr_t>(out) % 64 == 0;
}

template <class T>
using BiasActRange = void (*)(const T*, const Compute<T>*, T*, uint8_t*, uint8_t*, int64_t, const Sides<Compute<T>>&);
template <class T>
using BiasActBackRange = void (*)(const T*, T*, Compute<T>*, const uint8_t*, const uint8_t*, int64_t,
                                  const Sides<Compute<T>>&);

template <class T, bool Stream> BiasActRange<T> choose_bias_act(const BiasActForward& p) {
    const bool clamp = p.clamp == p.clamp;
    switch (p.lines) {
        case Lines::one:
            if (!clamp) return bias_act_range<T, Lines::one, false, 0, Stream>;
            return p.bits ? bias_act_range<T, Lines::one, true, 1, Stream> : bias_act_range<T, Lines::one, true, 0, Stream>;
        case Lines::relu:
            if (!p.bits) return clamp ? bias_act_range<T, Lines::relu, true, 0, Stream> : bias_act_range<T, Lines::relu, false, 0, Stream>;
            return clamp ? bias_act_range<T, Lines::relu, true, 1, Stream> : bias_act_range<T, Lines::relu, false, 1, Stream>;
        default:
            if (!p.bits) return clamp ? bias_act_range<T, Lines::two, true, 0, Stream> : bias_act_range<T, Lines::two, false, 0, Stream>;
            return clamp ? bias_act_range<T, Lines::two, true, 2, Stream> : bias_act_range<T, Lines::two, false, 1, Stream>;
    }
}
template <class T, bool Stream, bool Sum> BiasActBackRange<T> choose_bias_act_back(const BiasActBackward& p) {
    if (p.planes == 0) return bias_act_back_range<T, Lines::one, 0, Stream, Sum>;
    if (p.planes == 2) return bias_act_back_range<T, Lines::two, 2, Stream, Sum>;
    return p.lines == Lines::two ? bias_act_back_range<T, Lines::two, 1, Stream, Sum>
                                 : bias_act_back_range<T, Lines::one, 1, Stream, Sum>;
}

template <class T> bool bias_act_forward_of(const BiasActForward& p) {
    using C = Compute<T>;
    const int64_t c = p.bias ? p.c : 1;
    const Walk walk = Walk::of<C>(p.bias ? p.n : 1, c, p.bias ? p.s : p.n * p.c * p.s);
    const Walk& w = walk;
    const Scratch<C> vector(c);
    if (!vector.data) return false;
    for (int64_t i = 0; i < c; ++i) vector[i] = C(number_at(p.bias, p.bias_dtype, i, -0.0));  // x + -0 is x
    const Beside<C> beside(w, vector.data);
    if (beside.failed()) return false;
    const BiasActRange<T> range = bias_act_streams<T>(p.x, p.out, w.count) ? choose_bias_act<T, true>(p) : choose_bias_act<T, false>(p);
    const Sides<C> sides{C(p.upper), C(p.lower), C(p.clamp)};
    uint8_t *first = p.bits, *second = p.bits ? p.bits + (w.count + 7) / 8 : nullptr;
    parallel(w.tasks, p.threads, [&](int64_t task) {
        alignas(64) C own[kChunk];
        int64_t filled = -1;
        w.each_chunk(task, [&](int64_t start, int64_t size) {
            range(static_cast<const T*>(p.x) + start, beside.at(start, size, own, filled), static_cast<T*>(p.out) + start,
                  first + (first ? start / 8 : 0), second + (second ? start / 8 : 0), size, sides);
        });
    });
    return true;
}

template <class T> bool bias_act_backward_of(const BiasActBackward& p) {
    using C = Compute<T>;
    const Walk walk = Walk::of<C>(p.n, p.c, p.s);
    const Walk& w = walk;
    const Sides<C> sides{C(p.upper), C(p.lower), C(p.clamp)};
    const uint8_t *first = p.bits, *second = p.bits ? p.bits + (w.count + 7) / 8 : nullptr;
    const bool stream = p.grad_x && bias_act_streams<T>(p.grad, p.grad_x, w.count);
    const auto run = [&](BiasActBackRange<T> range, const SumsBeside<C>* sums) {
        parallel(w.tasks, p.threads, [&, range, sums](int64_t task) {
            alignas(64) C wide[kChunk];
            alignas(64) T aside[kChunk];  // where nobody wants the gradient of x
            if (sums) sums->begin(task);
            w.each_chunk(task, [&](int64_t start, int64_t size) {
                range(static_cast<const T*>(p.grad) + start, p.grad_x ? static_cast<T*>(p.grad_x) + start : aside, wide,
                      first + (first ? start / 8 : 0), second + (second ? start / 8 : 0), size, sides);
                if (sums) sums->add(task, start, size, wide);
            });
        });
    };
    if (!p.grad_bias) {
        run(stream ? choose_bias_act_back<T, true, false>(p) : choose_bias_act_back<T, false, false>(p), nullptr);
        return true;
    }
    const SumsBeside<C> sums(w);
    const Scratch<double> all(p.c);
    if (sums.failed() || !all.data) return false;
    run(stream ? choose_bias_act_back<T, true, true>(p) : choose_bias_act_back<T, false, true>(p), &sums);
    if (!sums.finish(all.data, p.threads)) return false;
    for (int64_t i = 0; i < p.c; ++i) static_cast<C*>(p.grad_bias)[i] = C(all[i]);
    return true;
}

LEAKY_LEVEL_END
