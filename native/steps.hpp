// What one step of a program does to a register: the same for programs that are interpreted and for known shapes.
#pragma once

#include "curves.hpp"
#include "kernels.hpp"
#include "memory.hpp"

LEAKY_LEVEL_BEGIN

/// Operands that a kind of step reads.
constexpr int operands_of(StepKind kind) {
    return kind <= StepKind::divide ? 2 : kind >= StepKind::less && kind <= StepKind::equal ? 4 : 1;
}
constexpr bool is_arithmetic(StepKind kind) { return kind <= StepKind::divide; }
constexpr bool is_of_floats(StepKind kind) { return kind >= StepKind::to_half; }

/// float16's digits of a float.
LEAKY_INLINE Lanes halved(Lanes v) {
    const f16* as = nullptr;
    return widen_register(narrow_register(v, as), as);
}

template <StepKind K, class C, class V = typename Register<C>::V>
LEAKY_INLINE V stepped(V a, V b = V{}, V c = V{}, V d = V{}) {
    using M = typename Register<C>::M;
    if constexpr (K == StepKind::add) return a + b;
    else if constexpr (K == StepKind::subtract) return a - b;
    else if constexpr (K == StepKind::multiply) return a * b;
    else if constexpr (K == StepKind::divide) return a / b;
    else if constexpr (K == StepKind::negative) return -a;
    else if constexpr (K == StepKind::absolute) return (V)((M)a & ~(M)(-C(0) - V{}));
    else if constexpr (K == StepKind::less) return a < b ? c : d;
    else if constexpr (K == StepKind::less_equal) return a <= b ? c : d;
    else if constexpr (K == StepKind::equal) return a == b ? c : d;
    else if constexpr (K == StepKind::to_half) return halved(a);
    else if constexpr (K == StepKind::rint) return rint_of(a);
    else if constexpr (K == StepKind::exp) return exp_of(a);
    else if constexpr (K == StepKind::expm1) return expm1_of(a);
    else if constexpr (K == StepKind::log1p) return log1p_of(a);
    else if constexpr (K == StepKind::tanh) return tanh_of(a);
    else if constexpr (K == StepKind::sigmoid) return sigmoid_of(a);
    else if constexpr (K == StepKind::silu) return silu_of(a);
    else return gelu_of(a);
}

LEAKY_LEVEL_END
