// Python's door to bias + activation: addresses and sizes.
#include <nanobind/nanobind.h>

#include <new>

#include "bias_act_call.hpp"
#include "chosen.hpp"
#include "threads.hpp"

namespace nb = nanobind;
using namespace leaky;

namespace {

using Address = uintptr_t;

BiasActShape shape_of(int64_t n, int64_t c, int64_t s, double upper, double lower, double clamp, int lines, int planes,
                      int dtype, int threads) {
    if (n < 0 || c < 0 || s < 0) throw nb::value_error("n, c, s: must not be negative");
    if (lines < 0 || lines > 2) throw nb::value_error("lines: must be 0, 1 or 2");
    return {n, c, s, upper, lower, clamp, Lines(lines), planes, dtype_of(dtype), threads};
}

/// How many planes of bits backward needs.
int planes_of(const BiasActShape& p) {
    const bool clamp = p.clamp == p.clamp;
    return p.lines == Lines::two ? 1 + clamp : p.lines == Lines::relu ? 1 : clamp;
}

void forward(Address x, Address bias, Address out, Address bits, int64_t n, int64_t c, int64_t s, double upper,
             double lower, double clamp, int lines, int planes, int dtype, int bias_dtype, int threads) {
    BiasActForward p{};
    static_cast<BiasActShape&>(p) = shape_of(n, c, s, upper, lower, clamp, lines, planes, dtype, threads);
    if (bits && planes != planes_of(p)) throw nb::value_error("planes: not what this call keeps");
    p.x = reinterpret_cast<const void*>(x);
    p.bias = reinterpret_cast<const void*>(bias);
    p.out = reinterpret_cast<void*>(out);
    p.bits = planes ? reinterpret_cast<uint8_t*>(bits) : nullptr;
    p.bias_dtype = dtype_of(bias_dtype);
    if (!n || !c || !s) return;
    bool done;
    {
        nb::gil_scoped_release release;
        if (x != out) large_pages(p.out, n * c * s * size_of(p.dtype));
        done = chosen_kernels().bias_act_forward(p);
    }
    if (!done) throw std::bad_alloc();
}

void backward(Address grad, Address bits, Address grad_x, Address grad_bias, int64_t n, int64_t c, int64_t s,
              double upper, double lower, double clamp, int lines, int planes, int dtype, int threads) {
    BiasActBackward p{};
    static_cast<BiasActShape&>(p) = shape_of(n, c, s, upper, lower, clamp, lines, planes, dtype, threads);
    if (planes != planes_of(p) || (planes && !bits && n && c && s)) throw nb::value_error("planes: not what this call keeps");
    p.grad = reinterpret_cast<const void*>(grad);
    p.bits = reinterpret_cast<const uint8_t*>(bits);
    p.grad_x = reinterpret_cast<void*>(grad_x);
    p.grad_bias = reinterpret_cast<void*>(grad_bias);
    if (!c) return;
    bool done = true;
    if (n && s) {
        nb::gil_scoped_release release;
        if (grad_x && grad_x != grad) large_pages(p.grad_x, n * c * s * size_of(p.dtype));
        done = chosen_kernels().bias_act_backward(p);
    } else if (grad_bias) {
        const int64_t size = p.dtype == Dtype::f64 ? 8 : 4;
        for (int64_t i = 0; i < c * size; ++i) static_cast<char*>(p.grad_bias)[i] = 0;  // sums of nothing
    }
    if (!done) throw std::bad_alloc();
}

}  // namespace

void bind_bias_act(nb::module_& m) {
    m.def("bias_act_forward", &forward);
    m.def("bias_act_backward", &backward);
}
