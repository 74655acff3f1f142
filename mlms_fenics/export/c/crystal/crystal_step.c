/* SPDX-License-Identifier: MIT */
/* Error-controlled steps of a grain at each point, each point with its own: Bogacki & Shampine's pair
   of orders 3 and 2, Appl. Math. Lett. 2 (1989) 321. */

/* State and time of stage 1, 2 or 3, the last of which is the step's end. */
static void prepare_stage(grain *g, int stage)
{
    const double time = stage == 1 ? 0.5 : stage == 2 ? 0.75 : 1.0;
    for (int p = 0; p < POINTS; p++)
        g->fraction[p] = (g->now[p] + time * g->step[p]) / g->length[p];
    for (int k = 0; k < GRAIN_STATE; k++)
        for (int p = 0; p < POINTS; p++) {
            const double f0 = g->f[0][k][p], f1 = g->f[1][k][p], f2 = g->f[2][k][p];
            const double last = (2.0 * f0 + 3.0 * f1 + 4.0 * f2) / 9.0;
            const double slope = stage == 1 ? 0.5 * f0 : stage == 2 ? 0.75 * f1 : last;
            g->y[k][p] = g->y0[k][p] + g->step[p] * slope;
        }
}

/* det B = 1; slips and, without detwinning, twins do not shrink; fractions of twins are such. */
static void constrain(grain *g)
{
    lane *y = g->y;
    for (int p = 0; p < POINTS; p++) {
        const double det = y[0][p] * (y[4][p] * y[8][p] - y[5][p] * y[7][p])
            + y[1][p] * (y[5][p] * y[6][p] - y[3][p] * y[8][p])
            + y[2][p] * (y[3][p] * y[7][p] - y[4][p] * y[6][p]);
        /* det^(-1/3) by Newton's iteration: a step changes det by its own error only. */
        double r = (4.0 - det) / 3.0;
        for (int i = 0; i < 3; i++)
            r = r * (4.0 - det * r * r * r) / 3.0;
        for (int k = 0; k < 9; k++)
            y[k][p] *= r;
        g->total[p] = 0.0;
    }
    for (int k = 9; k < GRAIN_STATE; k++)
        for (int p = 0; p < POINTS; p++) {
            const double least = DETWINNING && k < 9 + TWINS ? 0.0 : g->y0[k][p];
            y[k][p] = y[k][p] < least ? least : y[k][p];
            g->total[p] += k < 9 + TWINS ? y[k][p] : 0.0;
        }
    for (int k = 9; k < 9 + TWINS; k++)
        for (int p = 0; p < POINTS; p++)
            y[k][p] *= g->total[p] > 1.0 ? 1.0 / g->total[p] : 1.0;
}

/* The step's error of a row of the state. */
static inline double row_error(grain *g, int k, int p)
{
    const double x = -5.0 * g->f[0][k][p] + 6.0 * g->f[1][k][p] + 8.0 * g->f[2][k][p]
        - 9.0 * g->f[3][k][p];
    return g->step[p] / 72.0 * x;
}

/* Deviatoric Cauchy stress, and the step's error in stress over the allowed one: what the state's
   error does to it at once, and what those of slips and twins will do through strength and shear. */
static void measure(grain *g, int crystal)
{
    lane *A = g->A, *F = g->F, *d = g->deviator, *e = g->change;
    for (int p = 0; p < POINTS; p++) {
        const double G = g->shear[p] / g->J[p];
        const double c0 = A[0][p] * A[0][p] + A[1][p] * A[1][p] + A[2][p] * A[2][p];
        const double c1 = A[3][p] * A[3][p] + A[4][p] * A[4][p] + A[5][p] * A[5][p];
        const double c2 = A[6][p] * A[6][p] + A[7][p] * A[7][p] + A[8][p] * A[8][p];
        const double mean = (c0 + c1 + c2) / 3.0;
        d[0][p] = G * (c0 - mean);
        d[1][p] = G * (c1 - mean);
        d[2][p] = G * (c2 - mean);
        d[3][p] = G * (A[0][p] * A[3][p] + A[1][p] * A[4][p] + A[2][p] * A[5][p]);
        d[4][p] = G * (A[3][p] * A[6][p] + A[4][p] * A[7][p] + A[5][p] * A[8][p]);
        d[5][p] = G * (A[0][p] * A[6][p] + A[1][p] * A[7][p] + A[2][p] * A[8][p]);
        g->size[p] = sqrt(d[0][p] * d[0][p] + d[1][p] * d[1][p] + d[2][p] * d[2][p]
            + 2.0 * (d[3][p] * d[3][p] + d[4][p] * d[4][p] + d[5][p] * d[5][p]));
    }
    for (int k = 0; k < 9; k++)
        for (int p = 0; p < POINTS; p++)
            e[k][p] = row_error(g, k, p);
    for (int p = 0; p < POINTS; p++) {
        double X[9], s[9], sum = 0.0;
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                X[3 * i + j] = F[3 * i][p] * e[j][p] + F[3 * i + 1][p] * e[3 + j][p]
                    + F[3 * i + 2][p] * e[6 + j][p];
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                s[3 * i + j] = A[i][p] * X[j] + A[3 + i][p] * X[3 + j] + A[6 + i][p] * X[6 + j];
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                sum += (s[3 * i + j] + s[3 * j + i]) * (s[3 * i + j] + s[3 * j + i]);
        g->error[p] = sum * g->shear[p] * g->shear[p];
    }
    for (int b = 0; b < TWINS; b++)
        for (int p = 0; p < POINTS; p++) {
            const double x = 2.0 * SHEAR_MODULUS * TWIN_NUMBERS[crystal][b][5] * row_error(g, 9 + b, p);
            g->error[p] += x * x;
        }
    for (int a = 0; a < SLIPS; a++)
        for (int p = 0; p < POINTS; p++) {
            const double x = g->strength_slope[a][p] * row_error(g, 9 + TWINS + a, p);
            g->error[p] += x * x;
        }
    for (int p = 0; p < POINTS; p++)
        g->error[p] = sqrt(g->error[p]) / (STEP_TOLERANCE * g->scale[p]);
}

/* Accept or reject each point's step, and choose the next one's length. */
static void control(grain *g)
{
    for (int p = 0; p < POINTS; p++) {
        const double error = g->error[p], good = error <= 1.0 ? 1.0 : 0.0; /* NaN is not good */
        double bounded = error < 64.0 ? error : 64.0;
        bounded = bounded > 0.02 ? bounded : 0.02;
        /* A rejected step's bound is believed so far as to shorten the step fivefold. */
        const double most = 5.0 * STABILITY / (g->step[p] + 1e-300), rho = g->stiffness[p];
        double seen = rho < most ? rho : most;
        seen = seen > g->rho[p] ? seen : g->rho[p];
        double ahead = 2.0 * rho - g->rho[p];
        ahead = ahead < 3.0 * rho ? ahead : 3.0 * rho;
        ahead = ahead > rho ? ahead : rho;
        g->accepted[p] = good;
        g->rho[p] = good > 0.0 ? ahead : seen;
        g->now[p] += g->step[p] * good;
        const double larger = g->size[p] > g->scale[p] ? g->size[p] : g->scale[p];
        g->scale[p] = good > 0.0 ? larger : g->scale[p];
        g->wanted[p] = 0.85 * power_of(bounded, -1.0 / 3.0) * g->step[p];
    }
    for (int k = 0; k < GRAIN_STATE; k++)
        for (int p = 0; p < POINTS; p++) {
            const double old = g->y0[k][p], new = g->y[k][p], f0 = g->f[0][k][p], f3 = g->f[3][k][p];
            g->y0[k][p] = g->accepted[p] > 0.0 ? new : old;
            g->f[0][k][p] = g->accepted[p] > 0.0 ? f3 : f0;
        }
}

/* The step from the one wanted, the limit of stability, and what is left. */
static void choose_step(grain *g)
{
    for (int p = 0; p < POINTS; p++) {
        const double limit = STABILITY / (g->rho[p] + 1e-300), left = g->length[p] - g->now[p];
        double h = g->wanted[p] < limit ? g->wanted[p] : limit;
        const double last = h >= left * (1.0 - 1e-10) ? 1.0 : 0.0;
        h = h > 0.5 * left && last == 0.0 ? 0.5 * left : h;
        g->step[p] = last > 0.0 ? left : h;
        g->last[p] = last;
    }
}
