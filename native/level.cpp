// One instruction-set level: compiled once per level, with its flags and -DLEAKY_LEVEL=<name>.
#include "by_dtype.hpp"
#include "elementwise.hpp"
#include "norm_backward.hpp"
#include "norm_columns_backward.hpp"
#include "norm_forward.hpp"
#include "program.hpp"
#include "units.hpp"

LEAKY_LEVEL_BEGIN

void forward(const ElementwiseCall& call) {
    by_dtype(call.dtype, [&](auto t) { forward_of<decltype(t)>(call); });
}
void backward(const ElementwiseCall& call) {
    by_dtype(call.dtype, [&](auto t) { backward_of<decltype(t)>(call); });
}
bool norm_forward(const NormForward& call) {
    bool done = false;
    by_dtype(call.dtype, [&](auto t) {
        using T = decltype(t);
        done = call.channels_last ? norm_forward_columns<T>(call) : norm_forward_rows<T>(call);
        if (done && call.running_mean) move_running<T>(call);
    });
    return done;
}
bool norm_backward(const NormBackward& call) {
    bool done = false;
    by_dtype(call.dtype, [&](auto t) {
        using T = decltype(t);
        done = call.channels_last ? norm_backward_columns<T>(call) : norm_backward_rows<T>(call);
    });
    return done;
}

void unit_sums(const UnitSums& call) {
    by_dtype(call.dtype, [&](auto t) { unit_sums_of<decltype(t)>(call); });
}

int64_t norm_lossy(const NormLossy& call) {
    const double smallest = call.slope < 1 ? call.slope : 1;
    int64_t count = 0;
    for (int64_t i = 0; i < call.c; ++i) {
        const double weight = __builtin_fabs(number_at(call.weight, call.weight_dtype, i, 1));
        const double bias = __builtin_fabs(number_at(call.bias, call.weight_dtype, i, 0));
        const bool good = bias <= (call.limit - 1) * weight && weight * smallest >= call.tiny;  // NaN is not
        if (call.places) call.places[i] = good ? -1 : int32_t(count);
        count += !good;
    }
    return count;
}

void program(const ProgramCall& call) {
    if (call.dtype == Dtype::f64) program_of<double>(call);
    else if (call.dtype == Dtype::f32) program_of<float>(call);
    else program_of<f16>(call);
}

LEAKY_LEVEL_END

#define LEAKY_TEXT_OF(name) #name
#define LEAKY_TEXT(name) LEAKY_TEXT_OF(name)

namespace leaky {
namespace LEAKY_LEVEL {
extern const LayerKernels layers;  // layers_level.cpp
extern const Kernels table;
bool bias_act_forward(const BiasActForward& call);  // level_bias_act.cpp
bool bias_act_backward(const BiasActBackward& call);
const Kernels table = {LEAKY_TEXT(LEAKY_LEVEL), forward, backward, norm_forward, norm_backward, norm_lossy, unit_sums,
                       program, &layers, bias_act_forward, bias_act_backward};
}  // namespace LEAKY_LEVEL
}  // namespace leaky
