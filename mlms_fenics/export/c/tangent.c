/* SPDX-License-Identifier: MIT */
/* See the header. */
int LAW(tangent)(double time, double dt, const double *F, const double *old_state, double *tangent)
{
    enum { TRIALS = 12 };
    static const int place[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {1, 2}, {0, 2}};
    const double size = 1e-6;
    double f[9 * TRIALS], old[LAW(STATES) * TRIALS], new[LAW(STATES) * TRIALS], stress[6 * TRIALS];
    double volume[TRIALS];
    for (int i = 0; i < LAW(STATES); i++)
        for (int t = 0; t < TRIALS; t++)
            old[i * TRIALS + t] = old_state[i];
    for (int t = 0; t < TRIALS; t++) {
        const int a = place[t / 2][0], b = place[t / 2][1];
        const double e = (t % 2 ? -size : size) * (a == b ? 1.0 : 0.5);
        for (int i = 0; i < 9; i++)
            f[i * TRIALS + t] = F[i];
        for (int j = 0; j < 3; j++) {
            f[(3 * a + j) * TRIALS + t] += e * F[3 * b + j];
            if (a != b)
                f[(3 * b + j) * TRIALS + t] += e * F[3 * a + j];
        }
        /* det(I + e)/1, since only the ratio to J matters. */
        volume[t] = a == b ? 1.0 + e : 1.0 - e * e;
    }
    const int failed = LAW(update)(TRIALS, time, dt, f, old, new, stress);
    if (failed)
        return failed > 0 ? 1 : failed;
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) {
            const double plus = volume[2 * j] * stress[i * TRIALS + 2 * j];
            const double minus = volume[2 * j + 1] * stress[i * TRIALS + 2 * j + 1];
            tangent[i * 6 + j] = (plus - minus) / (2.0 * size);
        }
    return 0;
}
