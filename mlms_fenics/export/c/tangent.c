/* SPDX-License-Identifier: MIT */
/* See the header. */
int LAW(tangent)(double time, double dt, const double *F, const double *old_state, double *tangent)
{
    enum { COUNT = 12 };
    static const int place[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {1, 2}, {0, 2}};
    const double size = 1e-6;
    double f[9 * COUNT], old[LAW(STATES) * COUNT], new[LAW(STATES) * COUNT], stress[6 * COUNT];
    double volume[COUNT];
    for (int i = 0; i < LAW(STATES); i++)
        for (int t = 0; t < COUNT; t++)
            old[i * COUNT + t] = old_state[i];
    for (int t = 0; t < COUNT; t++) {
        const int a = place[t / 2][0], b = place[t / 2][1];
        const double e = (t % 2 ? -size : size) * (a == b ? 1.0 : 0.5);
        for (int i = 0; i < 9; i++)
            f[i * COUNT + t] = F[i];
        for (int j = 0; j < 3; j++) {
            f[(3 * a + j) * COUNT + t] += e * F[3 * b + j];
            if (a != b)
                f[(3 * b + j) * COUNT + t] += e * F[3 * a + j];
        }
        /* det(I + e)/1, since only the ratio to J matters. */
        volume[t] = a == b ? 1.0 + e : 1.0 - e * e;
    }
    const int failed = all_points(COUNT, time * HOST_TIME, dt * HOST_TIME, f, TRIALS, old,
        new, stress);
    if (failed)
        return failed > 0 ? 1 : failed;
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) {
            const double plus = volume[2 * j] * stress[i * COUNT + 2 * j];
            const double minus = volume[2 * j + 1] * stress[i * COUNT + 2 * j + 1];
            tangent[i * 6 + j] = (plus - minus) / (2.0 * size);
        }
    return 0;
}
