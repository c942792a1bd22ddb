"""What an int8 graph computes on x86 CPUs without VNNI: a reference executor in numpy, and proofs by the weights.

``vpmaddubsw`` multiplies unsigned by signed bytes and adds each two neighbours with saturation to int16;
255 * 127 * 2 does not fit. VNNI, AVX-VNNI and AMX add four products in int32 and are exact: one file gives two answers.

Read in ONNX Runtime's source (``onnxruntime/core/mlas/lib``):

- ``vpmaddubsw`` is in ``x86_64/ConvSymKernelAvx2.S``, and in ``amd64/SymQgemmU8KernelAvx512.asm`` and the other
  kernels of QGEMM for CPUs without VNNI. Activations are multiplied as they are stored: the zero point is taken off
  afterwards, and padding is filled with it.
- Neighbours are neighbours in ``(kernel row, kernel column, input channel)``: ``convsym.cpp`` packs input channels
  in fours inside a kernel position, and ``providers/cpu/quantization/qlinearconv.cc`` unfolds NHWC images and
  reorders filters to ``K1...KnCM``. With an odd number of channels (a first layer) a pair straddles two positions.
- Depthwise convolutions are exact: ``MlasConvSymDepthwiseKernelAvx2`` widens to 32 bits before it multiplies, and
  ``intrinsics/avx2/qdwconv_avx2.cpp`` to 16 bits with products of 32.

Seen with VNNI hidden from the process (``benchmarks/older_cpu.py``), ONNX Runtime 1.31 and OpenVINO 2026.4 on an
x86 CPU with AVX-512, which is then taken for one with AVX2 or AVX-512 without VNNI, and with ONNX Runtime 1.32 on a CPU
that has AVX2 alone (AMD EPYC, Zen 3):

- ONNX Runtime gives the integer layers emulated here bit for bit. It is exact for unsigned weights, and for
  convolutions without a QuantizeLinear behind them, which it computes in float.
- OpenVINO (oneDNN) gives them to one step of the output's scale. It pads the channels of each kernel position to
  fours, so that with an odd number of them pairs are others.
- Signed activations of a Q/DQ pair do not help: both shift them to unsigned ones.
- A whole graph may differ from its emulation behind an int8 Add, which is left to ONNX Runtime: of 15,680 elements of
  one Add in EfficientNet-Lite0 two fell to the next step in the whole graph. Inferred: sums that lie between two
  steps are rounded one way in vectors and another way in their tails, and graphs that were cut have other tails.

- With ``session.x64quantprecision`` ONNX Runtime makes int8 weights unsigned on such a CPU, and is exact bit for bit.

Inferred: that CPUs with SSE4.2 alone pair as those with AVX2. :mod:`.bounds` holds for every order.
"""
