/* SPDX-License-Identifier: MIT */
/* The network gives coordinates of J/2G times what the stress is more than the pressure. */
static void to_stress(ends *at, real (*restrict y)[POINTS], real (*restrict deviator)[POINTS])
{
    for (int i = 0; i < 6; i++)
        for (int p = 0; p < POINTS; p++) {
            const double factor = 2.0 * SHEAR_MODULUS / (1.0 + at->k[GROWTH][p]);
            deviator[i][p] = (real)(factor * (i < 3 ? 1.0 : HALF)) * y[i][p];
        }
}
