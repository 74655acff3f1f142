/* SPDX-License-Identifier: MIT */
/* Grains of which all relaxation is one in time, of models of old. */

enum { OUTPUTS = 13 + 2 * INTERNAL };

/* What the increments are multiplied by to give the network's rates. */
static void rate_factor(const part *now, real (*restrict moves)[POINTS], real *restrict factor)
{
    const real rate = (real)(ELASTIC_SCALE / (now->fraction * RATE_SCALE));
    for (int p = 0; p < POINTS; p++) {
        real square = 0;
        for (int i = 0; i < 5; i++)
            square += moves[i][p] * moves[i][p];
        factor[p] = rate * fourth_root_inverse(square * rate * rate + (real)1e-4);
    }
}
