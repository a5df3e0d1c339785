// Parametric ReLU with one slope per channel, (n, c, s) or (n, s, c) in memory; one for all is c = 1. On the way back
// x is read from y = slope * x where it is not kept.
#pragma once

#include <cstdlib>

#include "chunks.hpp"
#include "layers.hpp"
#include "pieces.hpp"

LEAKY_LEVEL_BEGIN

/// Rows of s elements in tasks of about kPiece: several rows, or parts of one. body(row, start, size, part).
template <class Body> void each_part(const PreluShape& p, const Body& body) {
    const int64_t rows = p.n * p.c, parts = (p.s + kPiece - 1) / kPiece, together = p.s >= kPiece ? 1 : kPiece / (p.s + 64) + 1;
    parallel((rows + together - 1) / together * parts, p.threads, [&](int64_t task) {
        const int64_t first = task / parts * together, start = task % parts * kPiece;
        const int64_t size = p.s - start < kPiece ? p.s - start : kPiece;
        for (int64_t row = first; row < first + together && row < rows; ++row) body(row, start, size, task % parts);
    });
}

template <class T> void prelu_row(const T* x, T* y, int64_t count, Compute<T> slope_of_all) {
    using C = Compute<T>;
    const Same<C> slope = splat(slope_of_all);
    map_range<T, false>(x, y, count, [slope](const Pack<C>& v) { return where_positive(v, v, v * slope); });
}

template <class T> void prelu_forward_rows(const PreluForward& p) {
    each_part(p, [&p](int64_t row, int64_t start, int64_t size, int64_t) {
        prelu_row(static_cast<const T*>(p.x) + row * p.s + start, static_cast<T*>(p.out) + row * p.s + start, size,
                  static_cast<const Compute<T>*>(p.slopes)[row % p.c]);
    });
}

/// The gradient of one row's x, and the sum of grad * x where x <= 0; v is x, or y = x * slope.
template <class T>
double prelu_back_row(const T* g, const T* v, T* out, int64_t count, Compute<T> slope_of_all, Compute<T> to_x_of_all) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    const Same<C> slope = splat(slope_of_all), to_x = splat(to_x_of_all);
    double sum = 0;
    for (int64_t at = 0; at < count; at += kBlock) {
        const int64_t size = count - at < kBlock ? count - at : kBlock;
        Pack<C> part{};
        for (int64_t i = 0; i < size; i += lanes) {
            const int rest = int(size - i < lanes ? size - i : lanes);
            const Pack<C> value = load_up_to(v + at + i, rest, C(0)), grad = load_up_to(g + at + i, rest, C(0));
            part = part + where_positive(value, Pack<C>{}, grad * (value * to_x));
            store_up_to<false>(out + at + i, rest, where_positive(value, grad, grad * slope));
        }
        sum += total(part);
    }
    return sum;
}

inline int64_t kept_place(const PreluBackward& p, int64_t channel) {
    return !p.kept ? -1 : p.kept_index ? int64_t(p.kept_index[channel]) : channel;
}

template <class T> bool prelu_backward_rows(const PreluBackward& p) {
    using C = Compute<T>;
    const int64_t parts = (p.s + kPiece - 1) / kPiece;
    double* sums = static_cast<double*>(std::malloc(size_t(p.n * p.c * parts) * sizeof(double)));
    if (!sums) return false;
    each_part(p, [&](int64_t row, int64_t start, int64_t size, int64_t part) {
        const int64_t channel = row % p.c, place = kept_place(p, channel);
        const C slope = static_cast<const C*>(p.slopes)[channel];
        const T* v = place < 0 ? static_cast<const T*>(p.y) + row * p.s
                               : static_cast<const T*>(p.kept) + (row / p.c * p.kept_count + place) * p.s;
        sums[row * parts + part] =
            prelu_back_row(static_cast<const T*>(p.grad) + row * p.s + start, v + start,
                           static_cast<T*>(p.grad_x) + row * p.s + start, size, slope, place < 0 ? C(1) / slope : C(1));
    });
    for (int64_t channel = 0; channel < p.c; ++channel) {
        double sum = 0;
        for (int64_t sample = 0; sample < p.n; ++sample)
            for (int64_t part = 0; part < parts; ++part) sum += sums[(sample * p.c + channel) * parts + part];
        p.grad_slopes[channel] = sum;
    }
    std::free(sums);
    return true;
}

/// Rows of c elements, one of each channel, in tasks of whole rows. body(task, first, end).
struct Bands {
    int64_t rows, at_once, count;
    explicit Bands(const PreluShape& p)
        : rows(p.n * p.s), at_once(p.c >= kPiece ? 1 : kPiece / p.c + 1), count((rows + at_once - 1) / at_once) {}
};

template <class T> void prelu_forward_columns(const PreluForward& p) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    const Bands bands(p);
    parallel(bands.count, p.threads, [&](int64_t task) {
        const int64_t first = task * bands.at_once, end = first + bands.at_once < bands.rows ? first + bands.at_once : bands.rows;
        for (int64_t column = 0; column < p.c; column += lanes) {
            const int count = int(p.c - column < lanes ? p.c - column : lanes);
            const Pack<C> slope = load_up_to(static_cast<const C*>(p.slopes) + column, count, C(0));
            for (int64_t row = first; row < end; ++row) {
                const Pack<C> v = load_up_to(static_cast<const T*>(p.x) + row * p.c + column, count, C(0));
                Pack<C> r;
                LEAKY_EACH r.v[k] = v.v[k] > typename Pack<C>::V{} ? v.v[k] : v.v[k] * slope.v[k];
                store_up_to<false>(static_cast<T*>(p.out) + row * p.c + column, count, r);
            }
        }
    });
}

/// Values of a row with those put in their places that were kept.
template <class T>
Pack<Compute<T>> with_kept(const PreluBackward& p, Pack<Compute<T>> value, int64_t row, int64_t column, int count) {
    using C = Compute<T>;
    C lanes[Pack<C>::lanes];
    store(lanes, value);
    for (int lane = 0; lane < count; ++lane) {
        const int64_t place = kept_place(p, column + lane);
        if (place >= 0) lanes[lane] = widen(static_cast<const T*>(p.kept)[row * p.kept_count + place]);
    }
    return load(lanes);
}

template <class T> bool prelu_backward_columns(const PreluBackward& p) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    constexpr int64_t most = 32;  // rows added up in the precision of C
    const Bands bands(p);
    const T* values = static_cast<const T*>(p.kept && !p.kept_index ? p.kept : p.y);
    double* sums = static_cast<double*>(std::calloc(size_t(bands.count * p.c), sizeof(double)));
    if (!sums) return false;
    parallel(bands.count, p.threads, [&](int64_t task) {
        const int64_t first = task * bands.at_once, end = first + bands.at_once < bands.rows ? first + bands.at_once : bands.rows;
        for (int64_t column = 0; column < p.c; column += lanes) {
            const int count = int(p.c - column < lanes ? p.c - column : lanes);
            const Pack<C> slope = load_up_to(static_cast<const C*>(p.slopes) + column, count, C(1));
            C factors[lanes];
            bool some = false;
            for (int lane = 0; lane < lanes; ++lane) {
                const bool kept = lane < count && kept_place(p, column + lane) >= 0;
                factors[lane] = lane >= count || kept ? C(1) : C(1) / static_cast<const C*>(p.slopes)[column + lane];
                some = some || (kept && p.kept_index);
            }
            const Pack<C> to_x = load(factors);
            for (int64_t start = first; start < end; start += most) {
                Pack<C> part{};
                for (int64_t row = start; row < start + most && row < end; ++row) {
                    const int64_t at = row * p.c + column;
                    Pack<C> value = load_up_to(values + at, count, C(0));
                    if (some) value = with_kept<T>(p, value, row, column, count);
                    const Pack<C> grad = load_up_to(static_cast<const T*>(p.grad) + at, count, C(0));
                    Pack<C> down, back;
                    LEAKY_EACH {
                        down.v[k] = grad.v[k] * (value.v[k] * to_x.v[k]);
                        back.v[k] = grad.v[k] * slope.v[k];
                    }
                    part = part + where_positive(value, Pack<C>{}, down);
                    store_up_to<false>(static_cast<T*>(p.grad_x) + at, count, where_positive(value, grad, back));
                }
                C found[lanes];
                store(found, part);
                for (int lane = 0; lane < count; ++lane) sums[task * p.c + column + lane] += double(found[lane]);
            }
        }
    });
    for (int64_t channel = 0; channel < p.c; ++channel) {
        double sum = 0;
        for (int64_t task = 0; task < bands.count; ++task) sum += sums[task * p.c + channel];
        p.grad_slopes[channel] = sum;
    }
    std::free(sums);
    return true;
}

LEAKY_LEVEL_END
