// Bias + activation of one instruction-set level: an object of its own, compiled once per level beside level.cpp.
#include "bias_act.hpp"
#include "by_dtype.hpp"

namespace leaky {
namespace LEAKY_LEVEL {

bool bias_act_forward(const BiasActForward& call) {
    bool done = false;
    by_dtype(call.dtype, [&](auto t) { done = bias_act_forward_of<decltype(t)>(call); });
    return done;
}
bool bias_act_backward(const BiasActBackward& call) {
    bool done = false;
    by_dtype(call.dtype, [&](auto t) { done = bias_act_backward_of<decltype(t)>(call); });
    return done;
}

}  // namespace LEAKY_LEVEL
}  // namespace leaky
