// A formula of the catalogue as a list of steps, run on blocks that stay in L1: one pass over memory, whatever the
// formula, and the bits of its operations done one by one. Wider blocks would leave L1, narrower ones pay for the
// choice of the step.
#pragma once

#include "curves.hpp"
#include "kernels.hpp"
#include "memory.hpp"
#include "parallel.hpp"

LEAKY_LEVEL_BEGIN

constexpr int64_t kStepBytes = 4096;
template <class C> constexpr int64_t kStepBlock = kStepBytes / int64_t(sizeof(C));

/// One operand of a step: a block, or a constant that every pack reads again (`stride` 0).
template <class C> struct Operand {
    const C* at;
    int64_t stride;
    LEAKY_INLINE Pack<C> operator[](int64_t i) const { return load(at + i * stride); }
};

template <class C, class F> LEAKY_INLINE void each(C* out, int64_t packs, const F& f) {
    for (int64_t i = 0; i < packs; ++i) store(out + i * Pack<C>::lanes, f(i));
}

template <class C, class F> LEAKY_INLINE Pack<C> mapped(Pack<C> p, const F& f) {
    LEAKY_EACH p.v[k] = f(p.v[k]);
    return p;
}

template <Select S, class C> LEAKY_INLINE Pack<C> selected(const Pack<C>& a, const Pack<C>& b, const Pack<C>& yes, const Pack<C>& no) {
    Pack<C> r;
    LEAKY_EACH r.v[k] = (S == Select::less ? a.v[k] < b.v[k] : S == Select::least ? a.v[k] <= b.v[k] : a.v[k] == b.v[k])
                            ? yes.v[k] : no.v[k];
    return r;
}

/// float16's digits of a float.
LEAKY_INLINE Pack<float> halved(const Pack<float>& p) {
    using C = float;
    Pack<C> r;
    LEAKY_EACH r.v[k] = widen_register(narrow_register(p.v[k], static_cast<const f16*>(nullptr)), static_cast<const f16*>(nullptr));
    return r;
}

template <class C> void run_step(StepKind kind, C* out, int64_t packs, Operand<C> a, Operand<C> b, Operand<C> c, Operand<C> d) {
    using V = typename Pack<C>::V;
    using M = typename Pack<C>::M;
    switch (kind) {
        case StepKind::add: return each(out, packs, [=](int64_t i) { return a[i] + b[i]; });
        case StepKind::subtract: return each(out, packs, [=](int64_t i) { return a[i] - b[i]; });
        case StepKind::multiply: return each(out, packs, [=](int64_t i) { return a[i] * b[i]; });
        case StepKind::divide: return each(out, packs, [=](int64_t i) {
            Pack<C> r = a[i];
            const Pack<C> by = b[i];
            LEAKY_EACH r.v[k] /= by.v[k];
            return r;
        });
        case StepKind::negative: return each(out, packs, [=](int64_t i) { return mapped(a[i], [](V v) { return -v; }); });
        case StepKind::absolute:
            return each(out, packs, [=](int64_t i) {
                return mapped(a[i], [](V v) { return (V)((M)v & ~(M)(-0.0 - V{})); });
            });
        case StepKind::less: return each(out, packs, [=](int64_t i) { return selected<Select::less>(a[i], b[i], c[i], d[i]); });
        case StepKind::less_equal: return each(out, packs, [=](int64_t i) { return selected<Select::least>(a[i], b[i], c[i], d[i]); });
        case StepKind::equal: return each(out, packs, [=](int64_t i) { return selected<Select::same>(a[i], b[i], c[i], d[i]); });
        default: break;
    }
    if constexpr (sizeof(C) == 4) switch (kind) {
        case StepKind::to_half: return each(out, packs, [=](int64_t i) { return halved(a[i]); });
        case StepKind::rint: return each(out, packs, [=](int64_t i) { return mapped(a[i], [](V v) { return rint_of(v); }); });
        case StepKind::exp: return each(out, packs, [=](int64_t i) { return mapped(a[i], [](V v) { return exp_of(v); }); });
        case StepKind::expm1: return each(out, packs, [=](int64_t i) { return mapped(a[i], [](V v) { return expm1_of(v); }); });
        case StepKind::log1p: return each(out, packs, [=](int64_t i) { return mapped(a[i], [](V v) { return log1p_of(v); }); });
        case StepKind::tanh: return each(out, packs, [=](int64_t i) { return mapped(a[i], [](V v) { return tanh_of(v); }); });
        case StepKind::sigmoid: return each(out, packs, [=](int64_t i) { return mapped(a[i], [](V v) { return sigmoid_of(v); }); });
        case StepKind::silu: return each(out, packs, [=](int64_t i) { return mapped(a[i], [](V v) { return silu_of(v); }); });
        case StepKind::gelu: return each(out, packs, [=](int64_t i) { return mapped(a[i], [](V v) { return gelu_of(v); }); });
        default: break;
    }
}

/// `count` elements from `in` to `out`, in blocks; the first block ends where `out` is aligned for streaming.
template <class T, bool Stream> void program_range(const ProgramCall& call, const T* in, T* out, int64_t count) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    constexpr int64_t block = kStepBlock<C>;
    alignas(64) C registers[kRegisters + 1][block];  // the last holds x
    alignas(64) C constants[kConstants][lanes];
    for (int k = 0; k < call.constant_count; ++k)
        for (int i = 0; i < lanes; ++i) constants[k][i] = C(call.constants[k]);
    int64_t head = 0;
    if constexpr (Stream) {
        head = int64_t((64 - (reinterpret_cast<uintptr_t>(out) & 63)) & 63) / int64_t(sizeof(T));
    }
    for (int64_t at = 0, size; at < count; at += size) {
        const int64_t wanted = at == 0 && head ? head : block;
        size = count - at < wanted ? count - at : wanted;
        const int64_t whole = size / lanes, packs = (size + lanes - 1) / lanes;
        const int rest = int(size - whole * lanes);
        const C* x;
        C* last = nullptr;  // where the last step may write at once
        if constexpr (sizeof(T) == sizeof(C)) {
            const bool crooked = reinterpret_cast<uintptr_t>(in + at) & 63 && call.step_count > 4;  // loads across lines
            x = rest || crooked ? nullptr : in + at;
            if (!Stream && !rest) last = out + at;
        } else x = nullptr;
        if (!x) {
            C* copy = registers[kRegisters];
            for (int64_t i = 0; i < whole; ++i) store(copy + i * lanes, load(in + at + i * lanes));
            if (rest) store(copy + whole * lanes, load_part(in + at + whole * lanes, rest, C(0)));
            x = copy;
        }
        const auto operand = [&](int32_t code) -> Operand<C> {
            return code >= 0 ? Operand<C>{registers[code], lanes} : code == -1 ? Operand<C>{x, lanes} : Operand<C>{constants[-2 - code], 0};
        };
        bool written = false;
        for (int s = 0; s < call.step_count; ++s) {
            const Step& step = call.steps[s];
            written = last && s + 1 == call.step_count && step.out == call.result;
            run_step<C>(step.kind, written ? last : registers[step.out], packs, operand(step.a), operand(step.b),
                        operand(step.c), operand(step.d));
        }
        if (written) continue;
        const Operand<C> result = operand(call.result);
        for (int64_t i = 0; i < whole; ++i) {
            if (Stream && size == block) store<true>(out + at + i * lanes, result[i]);
            else store(out + at + i * lanes, result[i]);
        }
        if (rest) store_part(out + at + whole * lanes, rest, result[whole]);
    }
    if constexpr (Stream) stream_end();
}

template <class T> void program_of(const ProgramCall& call) {
    const bool stream = call.in != call.out && call.count * int64_t(sizeof(T)) >= half_last_cache() &&
                        reinterpret_cast<uintptr_t>(call.out) % sizeof(T) == 0;
    const int64_t even = (call.count / (call.threads > 1 ? call.threads : 1) + 512) / 512 * 512;
    const int64_t least = (call.slow ? 4 : 16) * 1024, most = 64 * 1024, size = even < least ? least : even > most ? most : even;
    const auto chunk = [&call, stream, size](int64_t index) {
        const int64_t start = index * size, rest = call.count - start;
        (stream ? program_range<T, true> : program_range<T, false>)(
            call, static_cast<const T*>(call.in) + start, static_cast<T*>(call.out) + start, rest < size ? rest : size);
    };
    parallel((call.count + size - 1) / size, call.threads, chunk);
}

LEAKY_LEVEL_END
