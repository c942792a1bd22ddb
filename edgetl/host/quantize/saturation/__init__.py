"""What an int8 graph computes on x86 CPUs without VNNI: a reference executor in numpy, and proofs by the weights.

``vpmaddubsw`` multiplies unsigned by signed bytes and adds each two neighbours with saturation to int16; 255 * 127 * 2
does not fit. VNNI, AVX-VNNI and AMX add four products in int32 and are exact. So one file gives two answers.

Known, from ONNX Runtime's source (``onnxruntime/core/mlas/lib``):

- ``vpmaddubsw`` is in ``x86_64/ConvSymKernelAvx2.S``, ``x86_64/ConvSymKernelAvx512Core.S``,
  ``x86_64/QgemmU8S8KernelAvx2.S`` and ``x86_64/QgemmU8S8KernelAvx512Core.S``, always with the activation unsigned and as it
  is stored: its zero point is taken off afterwards, and padding is filled with it.
- Neighbours are neighbours in ``(kernel row, kernel column, input channel)``: ``convsym.cpp`` packs input channels in
  fours inside a kernel position, and ``qlinearconv.cc`` unfolds NHWC images and reorders filters to ``K1...KnCM``. With a
  number of channels not divisible by four (a first layer) a pair may straddle two positions.
- Depthwise convolutions are exact: ``MlasConvSymDepthwiseKernelAvx2`` widens to 32 bits before ``vpmaddwd``, and
  ``intrinsics/avx2/qdwconv_avx2.cpp`` multiplies 16-bit words into 32.
- Unsigned weights are exact: ``QgemmU8X8KernelAvx2.S`` widens to 16 bits first.

Seen: with VNNI hidden from it (``benchmarks/older_cpu.c``) ONNX Runtime 1.31 gives bit for bit what is emulated here.

Inferred: OpenVINO's kernels (oneDNN) use the same instruction and also pack input channels in fours (oneDNN, "Nuances of
int8 computations"), but pad them to fours, so that in a first layer pairs differ. :mod:`.bounds` holds for every order.
Signed activations are taken as if shifted to unsigned ones, the way oneDNN does; ONNX Runtime may be exact there.
"""
