/* SPDX-License-Identifier: MIT */
/* Components of (2G/J) s from coordinates of the deviator s; `shear` is 2G times their scale. */
static void elastic_stress(real (*restrict s)[POINTS], double shear, double (*restrict k)[POINTS],
    real (*restrict deviator)[POINTS])
{
    for (int p = 0; p < POINTS; p++) {
        const real factor = (real)(shear / (1.0 + k[GROWTH][p]));
        const real normal = s[0][p] * ((real)HALF * factor), axial = s[1][p] * ((real)SIXTH * factor);
        deviator[0][p] = normal - axial;
        deviator[1][p] = -normal - axial;
        deviator[2][p] = axial + axial;
        deviator[3][p] = s[2][p] * ((real)HALF * factor);
        deviator[4][p] = s[3][p] * ((real)HALF * factor);
        deviator[5][p] = s[4][p] * ((real)HALF * factor);
    }
}
