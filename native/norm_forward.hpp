// Normalisation + activation, forward, on (n, c, s): per channel statistics, then one pass that writes. A group
// (a channel, or a channel of one sample) is served by one task, its second reading from L2, unless groups are
// few and long: then their pieces are shared out.
#pragma once

#include "affine.hpp"
#include "parallel.hpp"
#include "pieces.hpp"

LEAKY_LEVEL_BEGIN

template <class T, Act A, bool Stream>
void apply(const T* x, T* out, const Runs& r, const Affine<Compute<T>>& affine, Compute<T> slope_) {
    using C = Compute<T>;
    const Same<C> mean = splat(affine.mean), scale = splat(affine.scale), bias = splat(affine.bias);
    const Same<C> slope = splat(slope_);
    each_pack<Pack<C>::lanes>(r, [=](int64_t at, int count) __attribute__((always_inline)) {
        const Pack<C> z = (load_up_to(x + at, count, C(0)) - mean) * scale + bias;
        store_up_to<Stream>(out + at, count, activate<A>(z, slope));
    });
    if constexpr (Stream) stream_end();
}

/// The groups of a contiguous call and how tasks take them.
struct Groups {
    int64_t count, c;
    Runs first;       // of group 0
    int64_t step;     // from one group to the next
    bool shared;      // pieces of a group go to several threads
    int64_t at_once;  // else: groups per task

    explicit Groups(const NormShape& p) : c(p.c) {
        count = p.per_instance ? p.n * p.c : p.c;
        first = p.per_instance ? Runs{0, 1, p.s, p.s} : Runs{0, p.n, p.c * p.s, p.s};
        step = p.s;
        const int64_t length = first.runs * first.length;
        shared = p.threads > 1 && count < 4 * int64_t(p.threads) && length >= 2 * kPiece;
        const int64_t runs = first.runs * (first.length < 32 ? 32 : first.length);  // short runs cost a pack each
        at_once = runs >= kPiece ? 1 : kPiece / 2 / (runs + 64) + 1;                // and a group as much as two
    }
    Runs at(int64_t group) const {
        Runs r = first;
        r.offset = group * step;
        return r;
    }
};

/// Whether an output is best written past the caches: too large for them, lines whole, not in place.
template <class T> bool norm_streams(const NormShape& p, const void* in, const void* out) {
    return in != out && p.n * p.c * p.s * int64_t(sizeof(T)) >= half_last_cache() &&
           reinterpret_cast<uintptr_t>(out) % 64 == 0 && (p.channels_last ? p.c : p.s) * int64_t(sizeof(T)) % 64 == 0;
}

template <class T> using ApplyRuns = void (*)(const T*, T*, const Runs&, const Affine<Compute<T>>&, Compute<T>);

template <class T> ApplyRuns<T> choose_apply(const NormForward& p) {
    const bool stream = norm_streams<T>(p, p.x, p.out);
    switch (act_of(p.slope)) {
        case Act::none: return stream ? apply<T, Act::none, true> : apply<T, Act::none, false>;
        case Act::relu: return stream ? apply<T, Act::relu, true> : apply<T, Act::relu, false>;
        default: return stream ? apply<T, Act::leaky, true> : apply<T, Act::leaky, false>;
    }
}

/// Running statistics move towards the batch's, the variance's unbiased.
template <class T> void move_running(const NormForward& p) {
    using C = Compute<T>;
    const double count = double(p.n * p.s), m = p.momentum;
    for (int64_t i = 0; i < p.c; ++i) {
        const double mean = double(static_cast<const C*>(p.mean)[i]), var = double(static_cast<const C*>(p.var)[i]);
        put_number(p.running_mean, p.running_dtype, i, m * mean + (1 - m) * number_at(p.running_mean, p.running_dtype, i, 0));
        put_number(p.running_var, p.running_dtype, i,
                   m * (var * (count / (count - 1))) + (1 - m) * number_at(p.running_var, p.running_dtype, i, 0));
    }
}

template <class T> bool norm_forward_rows(const NormForward& p) {
    using C = Compute<T>;
    const Groups groups(p);
    const Cut cut(groups.first, kPiece);
    const T* x = static_cast<const T*>(p.x);
    T* out = static_cast<T*>(p.out);
    C *mean = static_cast<C*>(p.mean), *var = static_cast<C*>(p.var);
    const ApplyRuns<T> run = choose_apply<T>(p);
    const C slope = C(p.slope);
    const auto statistics = [mean, var](int64_t group, const Moments& all) {
        mean[group] = C(all.mean);
        var[group] = C(all.count > 0 ? all.squares / all.count : 0.0 / all.count);
    };
    const auto affine = [&p, mean, var](int64_t group) {
        return Affine<C>(p, p.weight, p.bias, mean[group], var[group], group % p.c);
    };
    if (!groups.shared) {
        parallel((groups.count + groups.at_once - 1) / groups.at_once, p.threads, [&](int64_t task) {
            const int64_t start = task * groups.at_once, end = start + groups.at_once;
            for (int64_t group = start; group < end && group < groups.count; ++group) {
                const Cut pieces(groups.at(group), kPiece);
                if (!p.given) {
                    Moments all{0, 0, 0};
                    for (int64_t i = 0; i < pieces.count; ++i) all.add(piece_moments(x, pieces.at(i)));
                    statistics(group, all);
                }
                run(x, out, groups.at(group), affine(group), slope);
            }
        });
        return true;
    }
    const Scratch<Moments> parts(groups.count * cut.count);
    if (!parts.data) return false;
    if (!p.given) {
        parallel(groups.count * cut.count, p.threads, [&](int64_t task) {
            parts[task] = piece_moments(x, Cut(groups.at(task / cut.count), kPiece).at(task % cut.count));
        });
        for (int64_t group = 0; group < groups.count; ++group) {
            Moments all{0, 0, 0};
            for (int64_t i = 0; i < cut.count; ++i) all.add(parts[group * cut.count + i]);
            statistics(group, all);
        }
    }
    parallel(groups.count * cut.count, p.threads, [&](int64_t task) {
        const int64_t group = task / cut.count;
        run(x, out, Cut(groups.at(group), kPiece).at(task % cut.count), affine(group), slope);
    });
    return true;
}

LEAKY_LEVEL_END
