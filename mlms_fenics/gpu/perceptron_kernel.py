# SPDX-License-Identifier: MIT
"""Triton's kernel of `perceptron`; None without Triton, which comes with PyTorch for GPUs.

Sizes of Triton's blocks are powers of two: a hidden layer is one of A and one of B rows, so that
144 are padded to 160 and not to 256. Padding is of zeros.
"""

try:
    import triton
    import triton.language as tl
except ImportError:
    kernel = None
else:

    @triton.jit
    def _silu(x):  # type: ignore[no-untyped-def]
        return x * tl.sigmoid(x)

    @triton.jit
    def kernel(  # type: ignore[no-untyped-def]
        z, out, w1, b1, w2, b2, w3, b3, n, inputs, outputs,
        I: tl.constexpr, A: tl.constexpr, B: tl.constexpr, O: tl.constexpr,
        BLOCK: tl.constexpr, PRECISION: tl.constexpr,
    ):  # fmt: skip
        """`perceptron` of BLOCK points.

        Args:
            z: `(inputs, n)`.
            out: `(outputs, n)`, filled in.
            w1, b1, w2, b2, w3, b3: padded, `(A + B, I)`, `(A + B,)`, `(A + B, A + B)`, ..., `(O,)`.
            PRECISION: of products, as of `tl.dot`.
        """
        W: tl.constexpr = A + B
        p = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        i, a, o = tl.arange(0, I), tl.arange(0, A), tl.arange(0, O)
        inside = (p < n)[None, :]
        at = p.to(tl.int64)[None, :]
        x = tl.load(
            z + i.to(tl.int64)[:, None] * n + at, mask=(i < inputs)[:, None] & inside, other=0.0
        )
        ha = tl.dot(tl.load(w1 + a[:, None] * I + i[None, :]), x, input_precision=PRECISION)
        ha = _silu(ha + tl.load(b1 + a)[:, None])
        ga = tl.dot(tl.load(w2 + a[:, None] * W + a[None, :]), ha, input_precision=PRECISION)
        if B > 0:
            b = A + tl.arange(0, B)
            hb = tl.dot(tl.load(w1 + b[:, None] * I + i[None, :]), x, input_precision=PRECISION)
            hb = _silu(hb + tl.load(b1 + b)[:, None])
            ga = tl.dot(
                tl.load(w2 + a[:, None] * W + b[None, :]), hb, ga, input_precision=PRECISION
            )
            gb = tl.dot(tl.load(w2 + b[:, None] * W + a[None, :]), ha, input_precision=PRECISION)
            gb = tl.dot(
                tl.load(w2 + b[:, None] * W + b[None, :]), hb, gb, input_precision=PRECISION
            )
            gb = _silu(gb + tl.load(b2 + b)[:, None])
        ga = _silu(ga + tl.load(b2 + a)[:, None])
        y = tl.dot(tl.load(w3 + o[:, None] * W + a[None, :]), ga, input_precision=PRECISION)
        if B > 0:
            y = tl.dot(tl.load(w3 + o[:, None] * W + b[None, :]), gb, y, input_precision=PRECISION)
        y += tl.load(b3 + o)[:, None]
        tl.store(out + o.to(tl.int64)[:, None] * n + at, y, mask=(o < outputs)[:, None] & inside)
