// One source, several instruction sets: level.cpp is compiled once per level, with LEAKY_LEVEL its name.
// All code of a level has internal linkage, so that the linker never serves one level with another's function
// (a std:: template compiled for AVX-512 must not reach a machine without it: none is used there).
#pragma once

#ifndef LEAKY_LEVEL
#define LEAKY_LEVEL baseline
#endif

#define LEAKY_LEVEL_BEGIN namespace leaky { namespace LEAKY_LEVEL { namespace {
#define LEAKY_LEVEL_END } } }
