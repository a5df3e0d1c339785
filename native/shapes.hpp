// Programs known when this is compiled: their values stay in registers from the load to the store. A program with one
// of these shapes gets the same bits from it as from its steps one by one, which any other program takes
// (program.hpp); a formula that changes only becomes slower, and a test says so.
#pragma once

#include "kernels.hpp"

namespace leaky {
namespace shapes {

using K = StepKind;
constexpr int32_t x = -1, c0 = -2, c1 = -3, c2 = -4, c3 = -5, c4 = -6, c5 = -7, r0 = 0, r1 = 1;

// Constants are numbered in the order in which the steps read them.
inline constexpr Step relu[] = {{K::less_equal, r0, x, c0, c0, x}};  // shifted, displaced too
inline constexpr Step leaky_relu[] = {{K::multiply, r0, c0, x}, {K::less, r0, c1, x, x, r0}};
inline constexpr Step clipped[] = {{K::less_equal, r0, c0, x, c0, x}, {K::less_equal, r0, x, c1, c1, r0}};
inline constexpr Step thresholded_relu[] = {{K::less_equal, r0, x, c0, c1, x}};
inline constexpr Step hardshrink[] = {{K::less_equal, r0, x, c0, c1, x}, {K::less_equal, r0, c2, x, r0, x}};
inline constexpr Step squared_relu[] = {{K::less_equal, r0, x, c0, c0, x}, {K::multiply, r0, r0, r0}};
inline constexpr Step flexible_relu[] = {{K::less_equal, r0, x, c0, c0, x}, {K::add, r0, r0, c1}};
inline constexpr Step s_shaped_relu[] = {
    {K::subtract, r0, x, c0}, {K::less_equal, r0, c0, x, r0, c1}, {K::add, r0, c0, r0},
    {K::subtract, r1, x, c1}, {K::less_equal, r1, x, c1, r1, c1}, {K::multiply, r1, c2, r1},
    {K::add, r1, c1, r1}, {K::less_equal, r1, x, c1, r1, x}, {K::less_equal, r0, c0, x, r0, r1}};
inline constexpr Step hardsigmoid[] = {
    {K::add, r0, x, c0}, {K::add, r0, r0, c1}, {K::multiply, r0, r0, c2},
    {K::less_equal, r0, c0, x, c3, r0}, {K::less_equal, r0, x, c4, c5, r0}};
inline constexpr Step hardswish[] = {
    {K::less, r0, x, c0, x, c1}, {K::less, r0, c2, x, r0, c1}, {K::add, r1, r0, c0},
    {K::multiply, r0, r0, r1}, {K::multiply, r0, r0, c3}, {K::less_equal, r1, x, c2, c1, x},
    {K::less, r0, x, c0, r0, r1}, {K::less, r0, c2, x, r0, r1}};
inline constexpr Step elu[] = {{K::less, r0, c0, x, c0, x}, {K::expm1, r0, r0}, {K::less, r0, c0, x, x, r0}};
inline constexpr Step elu_of_alpha[] = {
    {K::less, r0, c0, x, c0, x}, {K::expm1, r0, r0}, {K::multiply, r0, c1, r0}, {K::less, r0, c0, x, x, r0}};
inline constexpr Step celu_of_alpha[] = {
    {K::less, r0, c0, x, c0, x}, {K::divide, r0, r0, c1}, {K::expm1, r0, r0}, {K::multiply, r0, c1, r0},
    {K::less, r0, c0, x, x, r0}};
inline constexpr Step selu[] = {
    {K::less, r0, c0, x, c0, x}, {K::expm1, r0, r0}, {K::multiply, r0, c1, r0}, {K::less, r0, c0, x, x, r0},
    {K::multiply, r0, c2, r0}};
inline constexpr Step sigmoid[] = {{K::sigmoid, r0, x}};
inline constexpr Step silu[] = {{K::silu, r0, x}};
inline constexpr Step gelu[] = {{K::gelu, r0, x}};

struct Shape {
    const Step* steps;
    int count;
    bool curved;  // known for float32 only
};
template <int N> constexpr Shape shape(const Step (&steps)[N]) {
    bool curved = false;
    for (const Step& step : steps) curved = curved || step.kind >= K::rint;
    return {steps, N, curved};
}

inline constexpr Shape kAll[] = {
    shape(relu), shape(leaky_relu), shape(clipped), shape(thresholded_relu), shape(hardshrink), shape(squared_relu),
    shape(flexible_relu), shape(s_shaped_relu), shape(hardsigmoid), shape(hardswish), shape(elu),
    shape(elu_of_alpha), shape(celu_of_alpha), shape(selu), shape(sigmoid), shape(silu), shape(gelu)};
constexpr int kCount = int(sizeof kAll / sizeof *kAll), kRegisters = 2, kConstants = 6;

}  // namespace shapes
}  // namespace leaky
