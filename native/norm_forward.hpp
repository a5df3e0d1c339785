// Normalisation + activation, forward, on (n, c, s): statistics, then one pass that writes. A group
// (a channel, or neighbouring channels of one sample) is served by one task, its second reading from L2, unless groups are
// few and long: then their pieces are shared out.
#pragma once

#include "affine.hpp"
#include "parallel.hpp"
#include "pieces.hpp"

LEAKY_LEVEL_BEGIN

/// `next`: how far behind what is read that lies which is read afterwards; 0: not known. Tasks end with stream_end().
template <class T, Act A, bool Stream>
void apply(const T* x, T* out, const Runs& r, const Affine<Compute<T>>& affine, Compute<T> slope_, int64_t next) {
    using C = Compute<T>;
    const Same<C> mean = splat(affine.mean), scale = splat(affine.scale), bias = splat(affine.bias);
    const Same<C> slope = splat(slope_);
    each_pack<Pack<C>::lanes>(r, [=](int64_t at, int count) __attribute__((always_inline)) {
        fetch_far<Pack<C>::lanes>(x + at + next);
        const Pack<C> z = (load_up_to(x + at, count, C(0)) - mean) * scale + bias;
        store_up_to<Stream>(out + at, count, activate<A>(z, slope));
    });
}

/// A contiguous call: units (channels, or channels of a sample) that `share` by `share` make a group, which has its
/// statistics; and how tasks take them.
struct Groups {
    int64_t count, share, units;
    Runs first;       // unit 0
    int64_t step;     // from one unit to the next
    bool shared;      // pieces of a group go to several threads
    int64_t at_once;  // else: groups per task
    int64_t length;   // of a group

    explicit Groups(const NormShape& p) : share(p.share()) {
        units = p.groups ? p.n * p.c : p.c;
        count = units / share;
        first = p.groups ? Runs{0, 1, p.s, p.s} : Runs{0, p.n, p.c * p.s, p.s};
        step = p.s;
        length = first.runs * first.length * share;
        shared = p.threads > 1 && count < 4 * int64_t(p.threads) && length >= 2 * kPiece;
        const int64_t runs = first.runs * (first.length < 32 ? 32 : first.length) * share;  // short runs cost a pack each
        at_once = runs >= kPiece ? 1 : kPiece / 2 / (runs + 64) + 1;                        // and a group as much as two
        const int64_t even = count / (8 * int64_t(p.threads > 0 ? p.threads : 1));
        if (length <= kPiece && at_once < 8) at_once = even < at_once ? at_once : even < 8 ? even : 8;  // a task has a next group
    }
    Runs unit(int64_t i) const {
        Runs r = first;
        r.offset = i * step;
        return r;
    }
    /// All units of a group; those of a sample lie next to each other.
    Runs group(int64_t i) const {
        return share == 1 ? unit(i) : Runs{i * share * step, 1, share * step, share * step};
    }
    /// body(group, how far behind its numbers lie those of the next: 0 at the end of a task, and where groups have
    /// more than `most` elements and L2 does not hold two), several small ones to a task.
    template <class Body> void each_group(int threads, int64_t most, const Body& body) const {
        const int64_t all = count, together = at_once, far = length <= most ? share * step : 0;
        parallel((all + together - 1) / together, threads, [&body, all, together, far](int64_t task) {
            const int64_t end = (task + 1) * together < all ? (task + 1) * together : all;
            for (int64_t i = task * together; i < end; ++i) body(i, i + 1 < end ? far : 0);
            stream_end();  // of every unit it would cost more than a short unit takes
        });
    }
    /// body(unit, piece of it, number of the piece), several small units to a task.
    template <class Body> void each_piece(int threads, const Cut& cut, const Body& body) const {
        const int64_t together = cut.count > 1 ? 1 : kPiece / (first.runs * first.length + 64) + 1, all = units;
        parallel(cut.count > 1 ? all * cut.count : (all + together - 1) / together, threads, [&](int64_t task) {
            if (cut.count > 1) body(task / cut.count, Cut(unit(task / cut.count), kPiece).at(task % cut.count), task % cut.count);
            for (int64_t i = task * together; cut.count <= 1 && i < (task + 1) * together && i < all; ++i) body(i, unit(i), 0);
            stream_end();
        });
    }
};

/// Whether an output is best written past the caches: too large for them, lines whole, not in place.
template <class T> bool norm_streams(const NormShape& p, const void* in, const void* out) {
    return in != out && p.n * p.c * p.s * int64_t(sizeof(T)) >= half_last_cache() &&
           reinterpret_cast<uintptr_t>(out) % 64 == 0 && (p.channels_last ? p.c : p.s) * int64_t(sizeof(T)) % 64 == 0;
}

template <class T> using ApplyRuns = void (*)(const T*, T*, const Runs&, const Affine<Compute<T>>&, Compute<T>, int64_t);

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
    const T* x = static_cast<const T*>(p.x);
    T* out = static_cast<T*>(p.out);
    C *mean = static_cast<C*>(p.mean), *var = static_cast<C*>(p.var);
    const ApplyRuns<T> run = choose_apply<T>(p);
    const C slope = C(p.slope);
    const int64_t share = groups.share;
    const auto statistics = [mean, var](int64_t group, const Moments& all) {
        mean[group] = C(all.mean);
        var[group] = C(all.count > 0 ? all.squares / all.count : 0.0 / all.count);
    };
    const auto affine = [&p, mean](int64_t group, int64_t unit, double inverse) {
        return Affine<C>(p, p.weight, p.bias, mean[group], inverse, unit % p.c);
    };
    if (!groups.shared) {
        groups.each_group(p.threads, kPiece, [&](int64_t group, int64_t next) {
            if (!p.given) {
                const Cut pieces(groups.group(group), kPiece);
                Moments all{0, 0, 0};
                for (int64_t i = 0; i < pieces.count; ++i) all.add(piece_moments(x, pieces.at(i)));
                statistics(group, all);
            }
            if (!out) return;
            const double inverse = inverse_std(p, var[group]);
            for (int64_t unit = group * share; unit < (group + 1) * share; ++unit)
                run(x, out, groups.unit(unit), affine(group, unit, inverse), slope, p.given ? 0 : next);
        });
        return true;
    }
    if (!p.given) {
        const Cut cut(groups.group(0), kPiece);
        const Scratch<Moments> parts(groups.count * cut.count);
        if (!parts.data) return false;
        parallel(groups.count * cut.count, p.threads, [&](int64_t task) {
            parts[task] = piece_moments(x, Cut(groups.group(task / cut.count), kPiece).at(task % cut.count));
        });
        for (int64_t group = 0; group < groups.count; ++group) {
            Moments all{0, 0, 0};
            for (int64_t i = 0; i < cut.count; ++i) all.add(parts[group * cut.count + i]);
            statistics(group, all);
        }
    }
    if (out) groups.each_piece(p.threads, Cut(groups.first, kPiece), [&](int64_t unit, const Runs& piece, int64_t) {
        const int64_t group = unit / share;
        run(x, out, piece, affine(group, unit, inverse_std(p, var[group])), slope, 0);
    });
    return true;
}

LEAKY_LEVEL_END
