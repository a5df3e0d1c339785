"""The kernels in Triton themselves. They are called through `leaky.kernels.gpu`; importing them imports Triton."""
