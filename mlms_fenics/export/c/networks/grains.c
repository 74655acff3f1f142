/* SPDX-License-Identifier: MIT */
/* Learnt grains: each has a lattice rotation A, an elastic strain and internal variables in its
   lattice's frame, and takes the whole strain increment; one network gives the flow of all.

   Own state: what A differs by from that at rest, row by row, of each grain; then of each grain the
   elastic strain over ELASTIC_SCALE (5 coordinates of a deviator) and the internal variables. */

enum { DRIVERS = 11, EACH = 5 + INTERNAL, INPUTS = DRIVERS + EACH };
enum { OWN = GRAINS * (9 + EACH), STATES_OF_GRAINS = 9 * GRAINS };

typedef real row[POINTS];

static void cell_virgin(real (*own)[POINTS], int p)
{
    for (int i = 0; i < OWN; i++)
        own[i][p] = 0;
}

/* Components 11, 22, 33, 12, 23, 13 of coordinates c. */
static void symmetric(row *restrict c, row *restrict D)
{
    for (int p = 0; p < POINTS; p++) {
        const real normal = c[0][p] * (real)HALF, axial = c[1][p] * (real)SIXTH;
        D[0][p] = normal - axial;
        D[1][p] = -normal - axial;
        D[2][p] = axial + axial;
        for (int i = 3; i < 6; i++)
            D[i][p] = c[i - 1][p] * (real)HALF;
    }
}

/* Coordinates of A^T D A, of a symmetric D. */
static void inward(row *restrict A, row *restrict D, row *restrict c)
{
    for (int p = 0; p < POINTS; p++) {
        real M[9];
        for (int j = 0; j < 3; j++) {
            const real x = A[j][p], y = A[3 + j][p], z = A[6 + j][p];
            M[j] = D[0][p] * x + D[3][p] * y + D[5][p] * z;
            M[3 + j] = D[3][p] * x + D[1][p] * y + D[4][p] * z;
            M[6 + j] = D[5][p] * x + D[4][p] * y + D[2][p] * z;
        }
        const real a = A[0][p] * M[0] + A[3][p] * M[3] + A[6][p] * M[6];
        const real b = A[1][p] * M[1] + A[4][p] * M[4] + A[7][p] * M[7];
        const real g = A[2][p] * M[2] + A[5][p] * M[5] + A[8][p] * M[8];
        c[0][p] = (a - b) * (real)HALF;
        c[1][p] = (g + g - a - b) * (real)SIXTH;
        c[2][p] = (A[0][p] * M[1] + A[3][p] * M[4] + A[6][p] * M[7]) * (real)(2.0 * HALF);
        c[3][p] = (A[1][p] * M[2] + A[4][p] * M[5] + A[7][p] * M[8]) * (real)(2.0 * HALF);
        c[4][p] = (A[0][p] * M[2] + A[3][p] * M[5] + A[6][p] * M[8]) * (real)(2.0 * HALF);
    }
}

/* c += share times the coordinates of A D A^T. */
static void add_outward(real share, row *restrict A, row *restrict D, row *restrict c)
{
    const real half = share * (real)HALF, sixth = share * (real)SIXTH;
    for (int p = 0; p < POINTS; p++) {
        real M[9];
        for (int i = 0; i < 3; i++) {
            const real x = A[3 * i][p], y = A[3 * i + 1][p], z = A[3 * i + 2][p];
            M[3 * i] = x * D[0][p] + y * D[3][p] + z * D[5][p];
            M[3 * i + 1] = x * D[3][p] + y * D[1][p] + z * D[4][p];
            M[3 * i + 2] = x * D[5][p] + y * D[4][p] + z * D[2][p];
        }
        const real a = M[0] * A[0][p] + M[1] * A[1][p] + M[2] * A[2][p];
        const real b = M[3] * A[3][p] + M[4] * A[4][p] + M[5] * A[5][p];
        const real g = M[6] * A[6][p] + M[7] * A[7][p] + M[8] * A[8][p];
        c[0][p] += (a - b) * half;
        c[1][p] += (g + g - a - b) * sixth;
        c[2][p] += (M[0] * A[3][p] + M[1] * A[4][p] + M[2] * A[5][p]) * (2 * half);
        c[3][p] += (M[3] * A[6][p] + M[4] * A[7][p] + M[5] * A[8][p]) * (2 * half);
        c[4][p] += (M[0] * A[6][p] + M[1] * A[7][p] + M[2] * A[8][p]) * (2 * half);
    }
}

/* A becomes r A R(w), R Cayley's rotation 1 + 2/(1 + c c) ([c] + [c]^2) with c = w/2. */
static void turn(row *restrict r, row *restrict w, row *restrict A)
{
    for (int p = 0; p < POINTS; p++) {
        const real x = w[0][p] * (real)0.5, y = w[1][p] * (real)0.5, z = w[2][p] * (real)0.5;
        const real k = 2 / (1 + x * x + y * y + z * z);
        const real W[9] = {1 - k * (y * y + z * z), k * (x * y - z), k * (x * z + y),
            k * (x * y + z), 1 - k * (x * x + z * z), k * (y * z - x),
            k * (x * z - y), k * (y * z + x), 1 - k * (x * x + y * y)};
        real B[9];
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                B[3 * i + j] = A[3 * i][p] * W[j] + A[3 * i + 1][p] * W[3 + j]
                    + A[3 * i + 2][p] * W[6 + j];
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                A[3 * i + j][p] = r[3 * i][p] * B[j] + r[3 * i + 1][p] * B[3 + j]
                    + r[3 * i + 2][p] * B[6 + j];
    }
}

/* Elastic strain and internal variables y at the end of a step, and the lattice's spin w.

   moved: increment of strain over ELASTIC_SCALE; o: the network's output. */
static void flow(const part *now, row *restrict moved, row *restrict o, row *restrict y,
    row *restrict w)
{
    real square[POINTS], drive[POINTS], plastic[POINTS], scale[POINTS];
    const real most = (real)LARGEST;
    speed(now, o, moved, scale);
    for (int p = 0; p < POINTS; p++) {
        square[p] = plastic[p] = 0;
        for (int i = 0; i < 5; i++) {
            const real middle = y[i][p] + (real)0.5 * moved[i][p];
            square[p] += middle * middle;
        }
        drive[p] = root(square[p] + (real)1e-20) - (real)1e-10;
    }
    for (int i = 0; i < 5; i++)
        for (int p = 0; p < POINTS; p++) {
            const real over = drive[p] - most, wanted = o[5 + i][p];
            const real rate = softplus(o[i][p]) + (over > 0 ? over : 0);
            const real x = rate * scale[p] * drive[p], m = mean_decay(x);
            real target = wanted < most ? wanted : most;
            target = (target > -most ? target : -most);
            target *= square[p] / (square[p] + (real)(SMALL * SMALL));
            const real change = m * (moved[i][p] + x * (target - y[i][p]));
            y[i][p] += change;
            plastic[p] += (moved[i][p] - change) * (moved[i][p] - change);
        }
    for (int p = 0; p < POINTS; p++)
        plastic[p] = (root(plastic[p] + (real)(STILL * STILL)) - (real)STILL) * (real)ELASTIC_SCALE;
    for (int i = 0; i < 3; i++)
        for (int p = 0; p < POINTS; p++)
            w[i][p] = o[10 + i][p] * plastic[p];
    for (int i = 0; i < INTERNAL; i++)
        for (int p = 0; p < POINTS; p++) {
            const real x = softplus(o[13 + i][p]) * (real)HARDENING * plastic[p];
            const real wanted = o[13 + INTERNAL + i][p];
            const real target = wanted < most ? wanted : most;
            const real goal = target > -most ? target : -most;
            y[5 + i][p] += mean_decay(x) * x * (goal - y[5 + i][p]);
        }
}

/* U_1 U_0^-1, from both less the identity. */
static void own_step(ends *at, double (*restrict g)[POINTS])
{
    for (int p = 0; p < POINTS; p++) {
        const double a = 1.0 + at->stretch[0][p], b = 1.0 + at->stretch[1][p];
        const double c = 1.0 + at->stretch[2][p], d = at->stretch[3][p], e = at->stretch[4][p];
        const double h = at->stretch[5][p];
        const double k0 = b * c - e * e, k1 = a * c - h * h, k2 = a * b - d * d;
        const double k3 = e * h - c * d, k4 = d * h - a * e, k5 = d * e - b * h;
        const double scale = 1.0 / (a * k0 + d * k3 + h * k5);
        const double U[9] = {1.0 + at->after[0][p], at->after[3][p], at->after[5][p],
            at->after[3][p], 1.0 + at->after[1][p], at->after[4][p], at->after[5][p],
            at->after[4][p], 1.0 + at->after[2][p]};
        for (int i = 0; i < 3; i++) {
            const double x = U[3 * i], y = U[3 * i + 1], z = U[3 * i + 2];
            g[3 * i][p] = scale * (x * k0 + y * k3 + z * k5);
            g[3 * i + 1][p] = scale * (x * k3 + y * k1 + z * k4);
            g[3 * i + 2][p] = scale * (x * k5 + y * k4 + z * k2);
        }
    }
}

static int cell_step(const part *now, ends *at, real (*restrict own)[POINTS],
    real (*restrict deviator)[POINTS])
{
    double f[9][POINTS], u[6][POINTS], turned[KINEMATIC_ROWS][POINTS];
    real moves[5][POINTS], factor[POINTS], r[9][POINTS], D[6][POINTS], w[3][POINTS], A[9][POINTS];
    real z[INPUTS][POINTS], h1[WIDTH][POINTS], h2[WIDTH][POINTS], o[OUTPUTS][POINTS];
    real total[5][POINTS] = {{0}};
    own_step(at, f);
    kinematics(f, u, turned);
    coordinates(turned + STRAIN, 1.0 / ELASTIC_SCALE, moves);
    rate_factor(now, moves, factor);
    for (int p = 0; p < POINTS; p++) {
        for (int i = 0; i < 9; i++)
            r[i][p] = (real)turned[TURN + i][p];
        z[DRIVERS - 1][p] = (real)(at->k[VOLUME][p] * (1.0 / VOLUME_SCALE));
    }
    for (int g = 0; g < GRAINS; g++) {
        row *lattice = own + 9 * g, *y = own + STATES_OF_GRAINS + EACH * g;
        for (int i = 0; i < 9; i++)
            for (int p = 0; p < POINTS; p++)
                A[i][p] = ORIENTATIONS[g][i] + lattice[i][p];
        symmetric(moves, D);
        inward(A, D, z + 5);
        for (int i = 0; i < 5; i++)
            for (int p = 0; p < POINTS; p++)
                z[i][p] = z[5 + i][p] * factor[p];
        memcpy(z[DRIVERS], y[0], sizeof(real[EACH][POINTS]));
        product(WEIGHTS1, WIDTH, INPUTS, z, h1);
        silu(BIAS1[g], WIDTH, h1);
        product(WEIGHTS2, WIDTH, WIDTH, h1, h2);
        silu(BIAS2[g], WIDTH, h2);
        product(WEIGHTS3, OUTPUTS, WIDTH, h2, o);
        add_bias(BIAS3[g], OUTPUTS, o);
        flow(now, z + 5, o, y, w);
        turn(r, w, A);
        symmetric(y, D);
        add_outward(SHARES[g], A, D, total);
        for (int i = 0; i < 9; i++)
            for (int p = 0; p < POINTS; p++)
                lattice[i][p] = A[i][p] - ORIENTATIONS[g][i];
    }
    elastic_stress(total, 2.0 * SHEAR_MODULUS * ELASTIC_SCALE, at->k, deviator);
    return -1;
}
