/* SPDX-License-Identifier: MIT */
/* Grains that relax with strain and creep with time, for rates of many decades. */

enum { CREEP = 13 + 2 * INTERNAL, OUTPUTS = CREEP + 1 };

/* What the increments are multiplied by to give their direction, as long as the rate's logarithm. */
static void rate_factor(const part *now, real (*restrict moves)[POINTS], real *restrict factor)
{
    const double rate = ELASTIC_SCALE / (LOWEST_RATE * now->fraction);
    for (int p = 0; p < POINTS; p++) {
        double square = 1e-30;
        for (int i = 0; i < 5; i++)
            square += (double)moves[i][p] * moves[i][p];
        factor[p] = (real)(log_1p(square * rate * rate) / (sqrt(square) * RATE_SPAN));
    }
}
