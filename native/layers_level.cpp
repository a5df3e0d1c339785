// The layers' kernels of one instruction-set level: compiled once per level, as level.cpp is.
#include "by_dtype.hpp"
#include "clamp.hpp"
#include "dropout.hpp"
#include "prelu.hpp"
#include "rrelu.hpp"
#include "softplus.hpp"

LEAKY_LEVEL_BEGIN

void clamp(const ClampCall& call) {
    by_dtype(call.dtype, [&](auto t) { clamp_of<decltype(t)>(call); });
}

void softplus_backward(const SoftplusBackward& call) {
    if (call.dtype == Dtype::f32) softplus_backward_of<float>(call);
    else if (call.dtype == Dtype::bf16) softplus_backward_of<bf16>(call);
    else softplus_backward_of<f16>(call);
}

void draws(uint64_t seed, uint64_t first, int64_t packs, uint32_t* out) { draw(Keys(seed), first, packs, out); }

void rrelu(const RandomCall& call) {
    by_dtype(call.dtype, [&](auto t) { rrelu_of<decltype(t)>(call); });
}

void dropout(const DropoutCall& call) {
    by_dtype(call.dtype, [&](auto t) { dropout_of<decltype(t)>(call); });
}

void prelu_forward(const PreluForward& call) {
    by_dtype(call.dtype, [&](auto t) {
        using T = decltype(t);
        call.channels_last ? prelu_forward_columns<T>(call) : prelu_forward_rows<T>(call);
    });
}
bool prelu_backward(const PreluBackward& call) {
    bool done = false;
    by_dtype(call.dtype, [&](auto t) {
        using T = decltype(t);
        done = call.channels_last ? prelu_backward_columns<T>(call) : prelu_backward_rows<T>(call);
    });
    return done;
}

LEAKY_LEVEL_END

namespace leaky {
namespace LEAKY_LEVEL {
extern const LayerKernels layers;
const LayerKernels layers = {clamp, softplus_backward, draws, rrelu, dropout, prelu_forward, prelu_backward};
}  // namespace LEAKY_LEVEL
}  // namespace leaky
