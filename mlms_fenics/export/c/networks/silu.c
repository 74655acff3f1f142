/* SPDX-License-Identifier: MIT */
/* h = silu(h + bias), row by row. */
static void silu(const real *bias, int rows, real (*restrict h)[POINTS])
{
    for (int i = 0; i < rows; i++)
        for (int p = 0; p < POINTS; p++) {
            const real x = h[i][p] + bias[i];
            h[i][p] = x / ((real)1.0 + real_exp(-x));
        }
}
