// A formula of the catalogue as a list of steps, run on blocks that stay in L1: one pass over memory, whatever the
// formula, and the bits of its operations done one by one. Wider blocks would leave L1, narrower ones pay for the
// choice of the step.
#pragma once

#include "parallel.hpp"
#include "shape_range.hpp"
#include "steps.hpp"

LEAKY_LEVEL_BEGIN

constexpr int64_t kStepBytes = 4096;
template <class C> constexpr int64_t kStepBlock = kStepBytes / int64_t(sizeof(C));

/// One operand of a step: a block, or a constant that every pack reads again (`stride` 0).
template <class C> struct Operand {
    const C* at;
    int64_t stride;
    LEAKY_INLINE Pack<C> operator[](int64_t i) const { return load(at + i * stride); }
};

template <StepKind K, class C>
void each(C* out, int64_t packs, Operand<C> a, Operand<C> b, Operand<C> c, Operand<C> d) {
    for (int64_t i = 0; i < packs; ++i) {
        Pack<C> r = a[i];
        if constexpr (operands_of(K) == 1) {
            LEAKY_EACH r.v[k] = stepped<K, C>(r.v[k]);
        } else if constexpr (operands_of(K) == 2) {
            const Pack<C> by = b[i];
            LEAKY_EACH r.v[k] = stepped<K, C>(r.v[k], by.v[k]);
        } else {
            const Pack<C> by = b[i], yes = c[i], no = d[i];
            LEAKY_EACH r.v[k] = stepped<K, C>(r.v[k], by.v[k], yes.v[k], no.v[k]);
        }
        store(out + i * Pack<C>::lanes, r);
    }
}

template <class C> using Each = void (*)(C*, int64_t, Operand<C>, Operand<C>, Operand<C>, Operand<C>);

/// The loop of a kind of step; null for a step of floats on doubles.
template <class C> Each<C> loop_of(StepKind kind) {
    switch (kind) {
        case StepKind::add: return each<StepKind::add, C>;
        case StepKind::subtract: return each<StepKind::subtract, C>;
        case StepKind::multiply: return each<StepKind::multiply, C>;
        case StepKind::divide: return each<StepKind::divide, C>;
        case StepKind::negative: return each<StepKind::negative, C>;
        case StepKind::absolute: return each<StepKind::absolute, C>;
        case StepKind::less: return each<StepKind::less, C>;
        case StepKind::less_equal: return each<StepKind::less_equal, C>;
        case StepKind::equal: return each<StepKind::equal, C>;
        default: break;
    }
    if constexpr (sizeof(C) == 4) switch (kind) {
        case StepKind::to_half: return each<StepKind::to_half, C>;
        case StepKind::rint: return each<StepKind::rint, C>;
        case StepKind::exp: return each<StepKind::exp, C>;
        case StepKind::expm1: return each<StepKind::expm1, C>;
        case StepKind::log1p: return each<StepKind::log1p, C>;
        case StepKind::tanh: return each<StepKind::tanh, C>;
        case StepKind::sigmoid: return each<StepKind::sigmoid, C>;
        case StepKind::silu: return each<StepKind::silu, C>;
        case StepKind::gelu: return each<StepKind::gelu, C>;
        default: break;
    }
    return nullptr;
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
            if (const Each<C> loop = loop_of<C>(step.kind))
                loop(written ? last : registers[step.out], packs, operand(step.a), operand(step.b), operand(step.c),
                     operand(step.d));
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
    const ProgramRange<T> known = call.shape < 0 ? nullptr : stream ? shape_ranges<T, true>[call.shape]
                                                                   : shape_ranges<T, false>[call.shape];
    const ProgramRange<T> range = known ? known : stream ? program_range<T, true> : program_range<T, false>;
    const auto chunk = [&call, range, size](int64_t index) {
        const int64_t start = index * size, rest = call.count - start;
        range(call, static_cast<const T*>(call.in) + start, static_cast<T*>(call.out) + start, rest < size ? rest : size);
    };
    parallel((call.count + size - 1) / size, call.threads, chunk);
}

LEAKY_LEVEL_END
