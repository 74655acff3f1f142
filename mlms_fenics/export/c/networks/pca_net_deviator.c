/* SPDX-License-Identifier: MIT */
/* The network gives coordinates of J dev(stress)/2G, or what the strain's are less than that. */
static void to_stress(ends *at, real (*restrict y)[POINTS], real (*restrict deviator)[POINTS])
{
#if INELASTIC
    real strain[5][POINTS];
    coordinates(at->k + STRAIN, 1.0, strain);
    for (int i = 0; i < 5; i++)
        for (int p = 0; p < POINTS; p++)
            y[i][p] = strain[i][p] - y[i][p];
#endif
    elastic_stress(y, 2.0 * SHEAR_MODULUS, at->k, deviator);
}
