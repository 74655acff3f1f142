/* SPDX-License-Identifier: MIT */
/* h = silu(h + bias), see `add_bias`. */
static void silu(const real *bias, int rows, int groups, int columns, real *restrict h)
{
    const int wide = columns / groups;
    for (int i = 0; i < rows * groups; i++, h += wide) {
        const real b = bias[i];
        for (int p = 0; p < wide; p++) {
            const real x = h[p] + b;
            h[p] = x / ((real)1.0 + real_exp(-x));
        }
    }
}
