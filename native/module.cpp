// leaky.kernels._native: checks, and the GIL let go. Torch's tensors come as addresses and sizes: two tensors
// through nanobind's DLPack cost 4.3 us a call, two addresses 0.25 with `data_ptr()`. NumPy's arrays come as they
// are: 0.27 us a call for two.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "kernels.hpp"
#include "threads.hpp"

namespace nb = nanobind;
using namespace leaky;

namespace {

using Address = uintptr_t;

const Kernels* chosen = nullptr;

void choose() {
    const char* level = std::getenv("LEAKY_NATIVE_LEVEL");
    chosen = kernels_at(level ? level : "");
    if (!chosen)
        throw nb::import_error(("LEAKY_NATIVE_LEVEL: this machine cannot run \"" + std::string(level) +
                                "\"; unset it, or give baseline, avx2 or avx512")
                                   .c_str());
}

Dtype dtype_of(int code) {
    if (code < 0 || code > 3) throw nb::value_error("dtype: must be 0 (float32), 1 (float64), 2 (bfloat16) or 3 (float16)");
    return Dtype(code);
}

int64_t size_of(Dtype dtype) { return dtype == Dtype::f64 ? 8 : dtype == Dtype::f32 ? 4 : 2; }

ElementwiseCall elementwise(Address in, Address out, Address mask, int64_t count, int dtype, double slope,
                            int rectifier, int threads) {
    if (count < 0) throw nb::value_error("count: must not be negative");
    if (rectifier < 0 || rectifier > 2) throw nb::value_error("rectifier: must be 0, 1 or 2");
    return {reinterpret_cast<const void*>(in), reinterpret_cast<void*>(out), reinterpret_cast<uint8_t*>(mask),
            count, slope, Rectifier(rectifier), dtype_of(dtype), threads};
}

void forward(Address x, Address out, Address mask, int64_t count, int dtype, double slope, int rectifier, int threads) {
    const ElementwiseCall call = elementwise(x, out, mask, count, dtype, slope, rectifier, threads);
    nb::gil_scoped_release release;
    if (mask && x != out) large_pages(call.out, count * size_of(call.dtype));  // without a mask nobody trains
    chosen->forward(call);
}

void backward(Address grad, Address mask, Address out, int64_t count, int dtype, double slope, int rectifier, int threads) {
    const ElementwiseCall call = elementwise(grad, out, mask, count, dtype, slope, rectifier, threads);
    if (count && !mask) throw nb::value_error("mask: must be given");
    nb::gil_scoped_release release;
    if (grad != out) large_pages(call.out, count * size_of(call.dtype));
    chosen->backward(call);
}

void check(const NormShape& p) {
    if (p.n < 0 || p.c < 0 || p.s < 0) throw nb::value_error("n, c, s: must not be negative");
}

void norm_forward(Address x, Address out, Address weight, Address bias, Address mean, Address var, double eps, double slope,
                  int64_t n, int64_t c, int64_t s, bool channels_last, bool per_instance, bool given, Address running_mean,
                  Address running_var, double momentum, int running_dtype, int dtype, int weight_dtype, int threads) {
    NormForward p{};
    static_cast<NormShape&>(p) = {n, c, s, channels_last, per_instance, given, eps, slope, dtype_of(dtype), dtype_of(weight_dtype), threads};
    check(p);
    p.x = reinterpret_cast<const void*>(x);
    p.out = reinterpret_cast<void*>(out);
    p.weight = reinterpret_cast<const void*>(weight);
    p.bias = reinterpret_cast<const void*>(bias);
    p.mean = reinterpret_cast<void*>(mean);
    p.var = reinterpret_cast<void*>(var);
    p.running_mean = reinterpret_cast<void*>(running_mean);
    p.running_var = reinterpret_cast<void*>(running_var);
    p.momentum = momentum;
    p.running_dtype = dtype_of(running_dtype);
    if (running_mean && (!running_var || per_instance || given))
        throw nb::value_error("running_mean: must come with running_var, and with statistics over the batch");
    if (!n || !c || !s) return;
    bool done;
    {
        nb::gil_scoped_release release;
        if (x != out) large_pages(p.out, n * c * s * size_of(p.dtype));
        done = chosen->norm_forward(p);
    }
    if (!done) throw std::bad_alloc();
}

void norm_backward(Address grad, Address y, Address kept, Address kept_index, bool kept_index_wide, int64_t kept_count,
                   Address grad_x, Address weight, Address bias, Address mean, Address var, Address grad_weight,
                   Address grad_bias, double eps, double slope, int64_t n, int64_t c, int64_t s, bool channels_last,
                   bool per_instance, bool given, int dtype, int weight_dtype, int threads) {
    NormBackward p{};
    static_cast<NormShape&>(p) = {n, c, s, channels_last, per_instance, given, eps, slope, dtype_of(dtype), dtype_of(weight_dtype), threads};
    check(p);
    p.grad = reinterpret_cast<const void*>(grad);
    p.y = reinterpret_cast<const void*>(y);
    p.kept = reinterpret_cast<const void*>(kept);
    p.kept_index = reinterpret_cast<const void*>(kept_index);
    p.kept_index_wide = kept_index_wide;
    p.kept_count = kept_count;
    p.grad_x = reinterpret_cast<void*>(grad_x);
    p.weight = reinterpret_cast<const void*>(weight);
    p.bias = reinterpret_cast<const void*>(bias);
    p.mean = reinterpret_cast<const void*>(mean);
    p.var = reinterpret_cast<const void*>(var);
    p.grad_weight = reinterpret_cast<void*>(grad_weight);
    p.grad_bias = reinterpret_cast<void*>(grad_bias);
    if (!n || !c || !s) return;
    bool done;
    {
        nb::gil_scoped_release release;
        if (grad_x && grad_x != grad) large_pages(p.grad_x, n * c * s * size_of(p.dtype));
        done = chosen->norm_backward(p);
    }
    if (!done) throw std::bad_alloc();
}

int64_t norm_lossy(Address weight, Address bias, int weight_dtype, int64_t c, double slope, double limit, double tiny,
                   Address places) {
    return chosen->norm_lossy({reinterpret_cast<const void*>(weight), reinterpret_cast<const void*>(bias),
                               dtype_of(weight_dtype), c, slope, limit, tiny, reinterpret_cast<int32_t*>(places)});
}

void unit_sums(Address x, Address out, int64_t n, int64_t c, int64_t s, bool columns, int dtype, int threads) {
    if (n < 0 || c < 0 || s < 0) throw nb::value_error("n, c, s: must not be negative");
    const UnitSums call{reinterpret_cast<const void*>(x), reinterpret_cast<double*>(out), n, c, s, columns, dtype_of(dtype), threads};
    nb::gil_scoped_release release;
    chosen->unit_sums(call);
}

using Input = nb::ndarray<nb::ro, nb::device::cpu>;
using Output = nb::ndarray<nb::device::cpu>;

Dtype dtype_of_arrays(const Input& x, const Output& out) {
    if (x.dtype() != out.dtype() || x.size() != out.size()) throw nb::value_error("out: must fit x");
    const bool floating = x.dtype().code == uint8_t(nb::dlpack::dtype_code::Float);
    const int bits = x.dtype().bits;
    if (!floating || (bits != 16 && bits != 32 && bits != 64)) throw nb::type_error("x: must be float16, float32 or float64");
    return bits == 64 ? Dtype::f64 : bits == 32 ? Dtype::f32 : Dtype::f16;
}

/// The caller has checked that both are dense, of one shape and order, and the same memory or apart.
void rectify_arrays(const Input& x, const Output& out, double slope, int rectifier, int threads) {
    const Dtype dtype = dtype_of_arrays(x, out);
    forward(Address(x.data()), Address(out.data()), 0, int64_t(x.size()), int(dtype), slope, rectifier, threads);
}

/// A program, checked once: what it reads was written, and nothing lies outside its registers and constants.
struct Program {
    std::vector<Step> steps;
    std::vector<double> constants;
    int32_t result;
    bool slow = false;

    Program(const std::vector<std::array<int32_t, 6>>& rows, std::vector<double> numbers, int32_t result_)
        : constants(std::move(numbers)), result(result_) {
        if (constants.size() > kConstants) throw nb::value_error("constants: too many");
        std::array<bool, kRegisters> written{};
        const auto readable = [&](int32_t operand) {
            if (operand >= 0 ? operand >= kRegisters || !written[operand] : operand < -1 - int32_t(constants.size()))
                throw nb::value_error("steps: an operand that is not there");
        };
        for (const auto& row : rows) {
            if (row[0] < 0 || row[0] >= int32_t(StepKind::count)) throw nb::value_error("steps: a kind that is not there");
            for (int i = 2; i < 6; ++i) readable(row[i]);
            if (row[1] < 0 || row[1] >= kRegisters) throw nb::value_error("steps: too many registers");
            written[row[1]] = true;
            steps.push_back({StepKind(row[0]), row[1], row[2], row[3], row[4], row[5]});
        }
        readable(result);
        int cost = 0;
        for (const Step& step : steps) cost += step.kind >= StepKind::exp ? 8 : 1;
        slow = cost > 40;  // waking a thread costs as much as 16 Ki elements of 40 such steps
    }
};

/// As `rectify_arrays`. Steps on floats only are the caller's to keep from float64.
void run_program(const Program& program, const Input& x, const Output& out, int threads) {
    const Dtype dtype = dtype_of_arrays(x, out);
    const ProgramCall call{x.data(), out.data(), int64_t(x.size()), program.steps.data(), program.constants.data(),
                           int(program.steps.size()), int(program.constants.size()), program.result,
                           program.slow, dtype, threads};
    nb::gil_scoped_release release;
    chosen->program(call);
}

}  // namespace

NB_MODULE(_native, m) {
    choose();
    m.def("level", [] { return chosen->level; }, "The instruction-set level that serves.");
    m.def("borrow", [](Address team) { borrow(reinterpret_cast<Team>(team)); });
    m.def("forward", &forward);
    m.def("backward", &backward);
    m.def("norm_forward", &norm_forward);
    m.def("norm_backward", &norm_backward);
    m.def("norm_lossy", &norm_lossy);
    m.def("unit_sums", &unit_sums);
    m.def("rectify_arrays", &rectify_arrays);
    nb::class_<Program>(m, "Program")
        .def(nb::init<const std::vector<std::array<int32_t, 6>>&, std::vector<double>, int32_t>());
    m.def("run_program", &run_program);
}
