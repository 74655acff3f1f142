/* SPDX-License-Identifier: MIT */
/* How far points are from the data that the law was trained on; 1 is their edge. */

enum { MEMORY = 0 };

/* The distance after a step from `before` to `strain`, components of log U. */
static void trust(double fraction, double (*restrict strain)[POINTS],
    double (*restrict before)[POINTS], double (*restrict memory)[POINTS], double *restrict distance)
{
    (void)memory;
    for (int p = 0; p < POINTS; p++) {
        double s[7], far = 0.0, rate = 0.0;
        for (int i = 0; i < 6; i++) {
            const double change = TRUST_SCALE[i] * (strain[i][p] - before[i][p]);
            s[i] = TRUST_SCALE[i] * strain[i][p];
            rate += change * change;
        }
        s[6] = sqrt(rate) / fraction;
        for (int i = 0; i < 7; i++) {
            double x = 0.0;
            for (int j = 0; j < 7; j++)
                x += TRUST_WHITENING[i][j] * (s[j] - TRUST_MEAN[j]);
            far += x * x;
        }
        distance[p] = distance[p] > sqrt(far) ? distance[p] : sqrt(far);
    }
}
