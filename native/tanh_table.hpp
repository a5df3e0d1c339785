// tanh of floats by tables, for machines that look up sixteen numbers with one instruction: half an octave an
// interval from 1/8 on, and one below it; in each a polynomial of degree 6 about a centre whose tanh is all but a float.
// Interpolated in 40 digits at Chebyshev's nodes; within 1.4 units in the last place.
#pragma once

#include "simd.hpp"

#if defined(__AVX512F__)
LEAKY_LEVEL_BEGIN

alignas(64) constexpr float kTanhCentre[16] = {
    0.0f, 0.15621144f, 0.21874551f, 0.31252342f, 0.43750852f, 0.62510663f, 0.875142f, 1.2497119f, 1.749765f,
    2.4997172f, 3.5005865f, 4.99977f, 6.9985695f, 10.002861f, 14.002838f, 14.002838f};
alignas(64) constexpr float kTanhTerms[7][16] = {
    {
        0.0f, 0.15495309f, 0.21532206f, 0.302731f, 0.41157714f, 0.55467355f, 0.7039772f, 0.8482028f, 0.9413488f,
        0.9866068f, 0.99818003f, 0.99990916f, 0.99999833f, 1.0f, 1.0f, 1.0f},
    {
        1.0f, 0.9759895f, 0.9536364f, 0.9083539f, 0.83060426f, 0.6923373f, 0.50441605f, 0.28055185f, 0.1138624f,
        0.02660718f, 0.0036366952f, 1.8194248e-04f, 3.3407314e-06f, 9.272099e-09f, 3.1105728e-12f,
        3.1105728e-12f},
    {
        -5.588057e-08f, -0.1512326f, -0.20533895f, -0.2749869f, -0.34185773f, -0.38402116f, -0.3550974f,
        -0.23796502f, -0.10718426f, -0.026250634f, -0.0036300248f, -1.8171585e-04f, -3.3367078e-06f,
        -8.465314e-09f, -2.8398744e-12f, -2.8398744e-12f},
    {
        -0.3333281f, -0.30189586f, -0.27366477f, -0.21953759f, -0.13616757f, -0.017779017f, 0.08183944f,
        0.10834062f, 0.062950335f, 0.017026488f, 0.0024089194f, 1.1888624e-04f, 2.1832543e-06f, 3.371242e-09f,
        1.1309936e-12f, 1.1309936e-12f},
    {
        -1.7875926e-04f, 0.09719056f, 0.12737237f, 0.15812276f, 0.16999571f, 0.1378665f, 0.060753394f,
        -0.012556125f, -0.023526536f, -0.008054217f, -0.0011962579f, -5.998758e-05f, -1.1025052e-06f,
        -2.2292215e-09f, -7.4789946e-13f, -7.4789946e-13f},
    {
        0.13610466f, 0.10719844f, 0.084949225f, 0.045495886f, -0.005964968f, -0.05435079f, -0.058536347f,
        -0.019716999f, 0.0034794041f, 0.0028888138f, 4.8981817e-04f, 2.8486897e-05f, 5.2415356e-07f,
        2.0617752e-09f, 6.916762e-13f, 6.916762e-13f},
    {
        -0.01987879f, -0.052344076f, -0.065269925f, -0.07239851f, -0.061637215f, -0.02403979f, 0.012994145f,
        0.015089277f, 0.0020743716f, -7.009219e-04f, -1.5666662e-04f, -9.099818e-06f, -1.6735453e-07f,
        -5.9631156e-10f, -2.0004033e-13f, -2.0004033e-13f}};

/// tanh(size) for 0 <= size <= 10.
LEAKY_INLINE Register<float>::V tanh_by_table(Register<float>::V size) {
    const __m512 x = (__m512)size;
    const __m512i halves = _mm512_srli_epi32(_mm512_castps_si512(x), 22);  // exponent and the first digit
    const __m512i place = _mm512_max_epi32(_mm512_sub_epi32(halves, _mm512_set1_epi32(247)), _mm512_setzero_si512());
    const auto looked_up = [place](const float* table) { return _mm512_permutexvar_ps(place, _mm512_load_ps(table)); };
    const __m512 r = _mm512_sub_ps(x, looked_up(kTanhCentre));
    __m512 sum = looked_up(kTanhTerms[6]);
    _Pragma("GCC unroll 8") for (int i = 5; i >= 0; --i) sum = _mm512_fmadd_ps(sum, r, looked_up(kTanhTerms[i]));
    return (Register<float>::V)sum;
}

LEAKY_LEVEL_END
#endif
