// leaky.kernels._native: checks, and the GIL let go. Torch's tensors come as addresses and sizes: two tensors
// through nanobind's DLPack cost 4.3 us a call, two addresses 0.25 with `data_ptr()`. NumPy's arrays come as they
// are, by the buffer protocol.
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "chosen.hpp"
#include "kernels.hpp"
#include "shapes.hpp"
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

ElementwiseCall elementwise(Address in, Address out, Address mask, int64_t count, int dtype, double slope,
                            int rectifier, int threads) {
    if (count < 0) throw nb::value_error("count: must not be negative");
    if (rectifier < 0 || rectifier > 1) throw nb::value_error("rectifier: must be 0 or 1");
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
    if (p.groups < 0 || (p.groups && p.c % p.groups)) throw nb::value_error("groups: must divide c");
}

void norm_forward(Address x, Address out, Address weight, Address bias, Address mean, Address var, double eps, double slope,
                  int64_t n, int64_t c, int64_t s, bool channels_last, int64_t groups, bool given, Address running_mean,
                  Address running_var, double momentum, int running_dtype, int dtype, int weight_dtype, int threads) {
    NormForward p{};
    static_cast<NormShape&>(p) = {n, c, s, channels_last, groups, given, eps, slope, dtype_of(dtype), dtype_of(weight_dtype), threads};
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
    if (running_mean && (!running_var || groups || given))
        throw nb::value_error("running_mean: must come with running_var, and with statistics over the batch");
    if (!n || !c || !s) return;
    bool done;
    {
        nb::gil_scoped_release release;
        if (out && x != out) large_pages(p.out, n * c * s * size_of(p.dtype));
        done = chosen->norm_forward(p);
    }
    if (!done) throw std::bad_alloc();
}

void norm_backward(Address grad, Address y, Address kept, Address kept_index, bool kept_index_wide, int64_t kept_count,
                   Address grad_x, Address weight, Address bias, Address mean, Address var, Address mean_grad,
                   Address mean_product, Address grad_weight, Address grad_bias, double eps, double slope, int64_t n, int64_t c, int64_t s, bool channels_last,
                   int64_t groups, bool given, int dtype, int weight_dtype, int threads) {
    NormBackward p{};
    static_cast<NormShape&>(p) = {n, c, s, channels_last, groups, given, eps, slope, dtype_of(dtype), dtype_of(weight_dtype), threads};
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
    p.mean_grad = reinterpret_cast<const void*>(mean_grad);
    p.mean_product = reinterpret_cast<const void*>(mean_product);
    if (mean_grad && (!mean_product || groups))
        throw nb::value_error("mean_grad: must come with mean_product, and with statistics over the batch");
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

/// A NumPy array by Python's buffer protocol, held while its memory is used.
class Buffer {
public:
    Buffer(nb::handle array, int access) : held_(PyObject_GetBuffer(array.ptr(), &view_, access | PyBUF_STRIDED_RO | PyBUF_FORMAT) == 0) {
        if (!held_) PyErr_Clear();
    }
    Buffer(const Buffer&) = delete;
    ~Buffer() {
        if (held_) PyBuffer_Release(&view_);
    }
    explicit operator bool() const { return held_; }
    const Py_buffer* operator->() const { return &view_; }

    /// The dtype, where it is one that programs take.
    bool dtype(Dtype& found) const {
        const char* code = view_.format;
        if (!code) return false;
        code += *code == '@' || *code == '=' || *code == '^';  // '=': at any address
        if (!*code || code[1]) return false;
        found = *code == 'f' ? Dtype::f32 : *code == 'd' ? Dtype::f64 : Dtype::f16;
        return *code == 'f' || *code == 'd' || *code == 'e';
    }

private:
    Py_buffer view_;
    const bool held_;
};

/// A program, checked once: what it reads was written, and nothing lies outside its registers and constants.
struct Program {
    std::vector<Step> steps;
    std::vector<double> constants;
    int32_t result;
    bool slow = false;
    int shape = -1, arithmetic = 0, halved = 0;
    std::array<double, shapes::kConstants> shape_constants{};

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
        for (const Step& step : steps) {
            cost += step.kind >= StepKind::exp ? 8 : 1;
            arithmetic += step.kind <= StepKind::divide;
            halved += step.kind == StepKind::to_half;
        }
        slow = cost > 40;  // waking a thread costs as much as 16 Ki elements of 40 such steps
        for (int i = 0; i < shapes::kCount && shape < 0; ++i)
            if (has_shape(shapes::kAll[i])) shape = i;
    }

    /// Whether the shape computes `dtype` as the steps do: lines in float16 with each operation rounded.
    int shape_for(Dtype dtype) const {
        const bool rounds = shape >= 0 && dtype == Dtype::f16 && !shapes::kAll[shape].curved;
        return halved == (rounds ? arithmetic : 0) ? shape : -1;
    }

private:
    /// Step by step, but for roundings to float16; fills `shape_constants`.
    bool has_shape(const shapes::Shape& known) {
        std::vector<int32_t> order;  // our constants, as the shape numbers them
        const auto same = [&](int32_t ours, int32_t theirs) {
            if (ours >= -1 || theirs >= -1) return ours == theirs;
            size_t place = 0;
            while (place < order.size() && order[place] != ours) ++place;
            if (place == order.size()) order.push_back(ours);
            return place == size_t(-2 - theirs);
        };
        int at = 0;
        for (const Step& step : steps) {
            if (step.kind == StepKind::to_half) {
                if (at == 0 || step.a != step.out || known.steps[at - 1].out != step.out) return false;
                continue;
            }
            if (at == known.count) return false;
            const Step& wanted = known.steps[at++];
            const int count = step.kind <= StepKind::divide ? 2 : step.kind >= StepKind::less && step.kind <= StepKind::equal ? 4 : 1;
            if (step.kind != wanted.kind || step.out != wanted.out || !same(step.a, wanted.a) ||
                (count > 1 && !same(step.b, wanted.b)) || (count > 2 && !(same(step.c, wanted.c) && same(step.d, wanted.d))))
                return false;
        }
        if (at != known.count || at == 0 || result != known.steps[at - 1].out) return false;
        for (size_t i = 0; i < order.size(); ++i) shape_constants[i] = constants[-2 - order[i]];
        return true;
    }
};

/// Both dense, of one shape and order; the same memory, or apart.
bool fits(const Buffer& x, const Buffer& out) {
    if (x->ndim != out->ndim || x->itemsize != out->itemsize) return false;
    bool rows = true, columns = true;
    Py_ssize_t inner = x->itemsize, outer = x->itemsize;
    for (int i = 0, n = x->ndim; i < n; ++i) {
        const int j = n - 1 - i;
        if (x->shape[i] != out->shape[i]) return false;
        rows = rows && (x->shape[j] == 1 || (x->strides[j] == outer && out->strides[j] == outer));
        columns = columns && (x->shape[i] == 1 || (x->strides[i] == inner && out->strides[i] == inner));
        inner *= x->shape[i];
        outer *= x->shape[j];
    }
    const char *from = static_cast<const char*>(x->buf), *to = static_cast<const char*>(out->buf);
    return (rows || columns || !x->len) && (from == to || from + x->len <= to || to + x->len <= from);
}

/// out = the program of x, for two arrays of NumPy that fit.
bool run(const Program& program, Dtype dtype, const Buffer& x, const Buffer& out, int threads) {
    if (!fits(x, out)) return false;
    const ProgramCall call{x->buf, out->buf, int64_t(x->len / x->itemsize), program.steps.data(), program.constants.data(),
                           int(program.steps.size()), int(program.constants.size()), program.result,
                           program.shape_for(dtype), program.shape_constants.data(), program.slow, dtype, threads};
    nb::gil_scoped_release release;
    chosen->program(call);
    return true;
}

/// False, and nothing written, where they do not fit. Steps on floats only are the caller's to keep from float64.
bool run_program(const Program& program, nb::handle given, nb::handle target, int threads) {
    if (!given.type().is(target.type())) return false;
    const Buffer x(given, PyBUF_SIMPLE), out(target, PyBUF_WRITABLE);
    Dtype dtype, same;
    return x && out && x.dtype(dtype) && out.dtype(same) && dtype == same && run(program, dtype, x, out, threads);
}

/// A function's programs at its default parameters, one for each dtype: the shortest way from Python into the kernels.
class Defaults {
public:
    Defaults(nb::object arrays, nb::object threads) : arrays_(std::move(arrays)), threads_(std::move(threads)) {}

    void add(const Program& program, nb::handle example) {
        Dtype dtype;
        if (!Buffer(example, PyBUF_SIMPLE).dtype(dtype)) throw nb::value_error("example: must be an array of float16, float32 or float64");
        programs_[int(dtype)] = program;
    }

    bool run(nb::handle given, nb::handle target) {
        if (!given.type().is(arrays_) || !target.type().is(arrays_)) return false;
        const Buffer x(given, PyBUF_SIMPLE), out(target, PyBUF_WRITABLE);
        Dtype dtype, same;
        if (!x || !out || !x.dtype(dtype) || !out.dtype(same) || dtype != same) return false;
        const std::optional<Program>& program = programs_[int(dtype)];
        return program && ::run(*program, dtype, x, out, nb::cast<int>(threads_()));
    }

private:
    nb::object arrays_, threads_;
    std::array<std::optional<Program>, 4> programs_;
};

}  // namespace

const Kernels& leaky::chosen_kernels() { return *chosen; }

Dtype leaky::dtype_of(int code) {
    if (code < 0 || code > 3) throw nb::value_error("dtype: must be 0 (float32), 1 (float64), 2 (bfloat16) or 3 (float16)");
    return Dtype(code);
}

void bind_bias_act(nb::module_&);
void bind_dropout(nb::module_&);
void bind_layers(nb::module_&);

NB_MODULE(_native, m) {
    choose();
    bind_bias_act(m);
    bind_dropout(m);
    bind_layers(m);
    nb::set_leak_warnings(false);  // a graph that lives until the interpreter ends holds programs
    m.def("level", [] { return chosen->level; }, "The instruction-set level that serves.");
    m.def("borrow", [](Address team) { borrow(reinterpret_cast<Team>(team)); });
    m.def("forward", &forward);
    m.def("backward", &backward);
    m.def("norm_forward", &norm_forward);
    m.def("norm_backward", &norm_backward);
    m.def("norm_lossy", &norm_lossy);
    m.def("unit_sums", &unit_sums);
    nb::class_<Program>(m, "Program")
        .def(nb::init<const std::vector<std::array<int32_t, 6>>&, std::vector<double>, int32_t>())
        .def_prop_ro("known", [](const Program& program) { return program.shape >= 0; })
        .def("run", &run_program);
    nb::class_<Defaults>(m, "Defaults")
        .def(nb::init<nb::object, nb::object>())
        .def("add", &Defaults::add)
        .def("run", &Defaults::run, nb::arg("x").none(), nb::arg("out").none());
}
