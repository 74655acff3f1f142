/* SPDX-License-Identifier: MIT */
/* A reduced polycrystal: few grains under one stretch, whose stresses are averaged with weights.

   Own state, of each grain: its state (see above), the substep to try next over the horizon, and its
   largest deviatoric stress so far. */

enum { EACH = GRAIN_STATE + 2, OWN = GRAINS * EACH, MOST_TRIALS = 100000 };

static void cell_virgin(real (*own)[POINTS], int p)
{
    for (int i = 0; i < OWN; i++) {
        const int k = i % EACH;
        own[i][p] = k == 0 || k == 4 || k == 8 ? 1.0 : k == EACH - 1 ? LEAST_STRENGTH : 0.0;
    }
}

/* F = U Q at the step's ends. */
static void set_ends(grain *g, ends *at, const double *Q)
{
    static const int slot[9] = {0, 3, 5, 3, 1, 4, 5, 4, 2};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            for (int p = 0; p < POINTS; p++) {
                double a = Q[3 * i + j], b = 0.0;
                for (int k = 0; k < 3; k++) {
                    const double first = at->stretch[slot[3 * i + k]][p];
                    a += first * Q[3 * k + j];
                    b += (at->after[slot[3 * i + k]][p] - first) * Q[3 * k + j];
                }
                g->F_start[3 * i + j][p] = a;
                g->F_slope[3 * i + j][p] = b;
            }
}

/* One step for all points, the shortest, and one judgement, the worst. */
static void agree_on_step(grain *g)
{
    double h = g->step[0];
    for (int p = 1; p < POINTS; p++)
        h = g->step[p] < h ? g->step[p] : h;
    for (int p = 0; p < POINTS; p++) {
        g->step[p] = h;
        g->last[p] = h >= (g->length[p] - g->now[p]) * (1.0 - 1e-10) ? 1.0 : 0.0;
    }
}

static void agree_on_error(grain *g)
{
    double error = 0.0;
    for (int p = 0; p < POINTS; p++)
        error = g->error[p] <= error ? error : g->error[p];
    for (int p = 0; p < POINTS; p++)
        g->error[p] = error;
}

/* A grain at all points over the step; the first point that fails, or -1. */
static int integrate(grain *g, const part *now, int crystal, real (*own)[POINTS],
    double (*restrict deviator)[POINTS])
{
    int left = POINTS, bad = -1, done[POINTS] = {0};
    const double dt = now->fraction * HORIZON;
    for (int k = 0; k < GRAIN_STATE; k++)
        for (int p = 0; p < POINTS; p++)
            g->y0[k][p] = g->y[k][p] = own[k][p];
    for (int p = 0; p < POINTS; p++) {
        g->now[p] = g->fraction[p] = 0.0;
        g->length[p] = dt;
        g->wanted[p] = own[GRAIN_STATE][p] > 0.0 ? own[GRAIN_STATE][p] : 0.1 * dt;
        g->scale[p] = own[GRAIN_STATE + 1][p];
    }
    rates(g, g->y, g->f[0], crystal);
    memcpy(g->rho, g->stiffness, sizeof g->rho);
    for (int trial = 1; left > 0; trial++) {
        choose_step(g);
        if (now->together)
            agree_on_step(g);
        for (int stage = 1; stage < 4; stage++) {
            prepare_stage(g, stage);
            if (stage == 3)
                constrain(g);
            rates(g, g->y, g->f[stage], crystal);
        }
        measure(g, crystal);
        if (now->together)
            agree_on_error(g);
        control(g);
        for (int p = 0; p < POINTS; p++) {
            if (done[p])
                continue;
            const int ended = g->accepted[p] > 0.0 && g->last[p] > 0.0;
            const int hopeless = !(g->accepted[p] > 0.0) && !(g->step[p] > 1e-13 * dt);
            if (!ended && !hopeless && trial < MOST_TRIALS)
                continue;
            done[p] = 1;
            left--;
            if (!ended) {
                bad = bad < 0 || p < bad ? p : bad;
            } else {
                for (int k = 0; k < GRAIN_STATE; k++)
                    own[k][p] = g->y0[k][p];
                own[GRAIN_STATE][p] = g->wanted[p];
                own[GRAIN_STATE + 1][p] = g->scale[p];
                for (int i = 0; i < 6; i++)
                    deviator[i][p] = g->deviator[i][p];
            }
            /* It rests, and computes something harmless. */
            g->wanted[p] = g->now[p] = 0.0;
        }
    }
    return bad;
}

static int cell_step(const part *now, ends *at, real (*restrict own)[POINTS],
    real (*restrict deviator)[POINTS])
{
    grain g;
    int bad = -1;
    memset(&g, 0, sizeof g);
    memset(deviator, 0, sizeof(real[6][POINTS]));
    for (int k = 0; k < GRAINS; k++) {
        double stress[6][POINTS] = {{0}};
        set_ends(&g, at, ORIENTATIONS[k]);
        const int failed = integrate(&g, now, k % CRYSTALS, own + EACH * k, stress);
        bad = failed >= 0 && (bad < 0 || failed < bad) ? failed : bad;
        for (int i = 0; i < 6; i++)
            for (int p = 0; p < POINTS; p++)
                deviator[i][p] += WEIGHTS[k] * stress[i][p];
    }
    return bad;
}
