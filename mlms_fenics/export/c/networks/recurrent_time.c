/* SPDX-License-Identifier: MIT */
/* A recurrent cell that relaxes in time. */

enum { RATE = 0, CHANGE = 5, BEFORE = 10, VOLUME_IN = 15, FEATURES = 16 };
enum { OWN = 5 * BRANCHES + INTERNAL, OUTPUTS = 2 * OWN };

static void change_and_rate(const part *now, real (*restrict increment)[POINTS],
    real (*restrict z)[POINTS])
{
    const real rate = (real)(ELASTIC_SCALE / (now->fraction * RATE_SCALE));
    for (int p = 0; p < POINTS; p++) {
        real square = 0;
        for (int i = 0; i < 5; i++)
            square += increment[i][p] * increment[i][p];
        /* Overstress grows like a power of the rate; its square root is the better scaled input. */
        const real factor = rate * fourth_root_inverse(square * rate * rate + (real)1e-4);
        for (int i = 0; i < 5; i++) {
            z[RATE + i][p] = increment[i][p] * factor;
            z[CHANGE + i][p] = increment[i][p];
        }
    }
}
