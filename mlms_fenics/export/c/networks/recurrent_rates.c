/* SPDX-License-Identifier: MIT */
/* A recurrent cell that relaxes with strain and creeps with time, for rates of many decades. */

enum { DIRECTION = 0, CHANGE = 5, BEFORE = 10, VOLUME_IN = 15, LOG_RATE = 16, FEATURES = 17 };
enum { OWN = 5 * BRANCHES + INTERNAL, CREEP = 2 * OWN, OUTPUTS = 2 * OWN + 1 };

static void change_and_rate(const part *now, real (*restrict increment)[POINTS],
    real (*restrict z)[POINTS])
{
    const double least = LOWEST_RATE * now->fraction / ELASTIC_SCALE;
    const double middle = log_positive(least * least) + RATE_SPAN;
    for (int p = 0; p < POINTS; p++) {
        real square = 0;
        for (int i = 0; i < 5; i++)
            square += increment[i][p] * increment[i][p];
        const double whole = square + least * least;
        const real direction = (real)(1.0 / sqrt(whole));
        const real far = 1 / root(1 + square * (real)(1.0 / (LONG * LONG)));
        for (int i = 0; i < 5; i++) {
            z[DIRECTION + i][p] = increment[i][p] * direction;
            z[CHANGE + i][p] = increment[i][p] * far;
        }
        const real log_rate = (real)((log_positive(whole) - middle) / RATE_SPAN);
        const real below = log_rate < 1 ? log_rate : 1;
        z[LOG_RATE][p] = below > -1 ? below : -1;
    }
}
