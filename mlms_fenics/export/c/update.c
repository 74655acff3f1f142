/* SPDX-License-Identifier: MIT */
/* A step of all points, in chunks. */

enum { BEGUN = 0, DISTANCE = 1, STRETCH = 2, STRAINS = 8, MEMORIES = 14, OWNS = 14 + MEMORY };

typedef struct {
    double f[9][POINTS], start[6][POINTS], first[6][POINTS], memory[MEMORY + 1][POINTS];
    double distance[POINTS], end[6][POINTS];
    real own[OWN][POINTS], deviator[6][POINTS];
    ends at;
} chunk;

/* State of points `first` on, at rest beyond the last and where nothing has happened yet. */
static void load_state(chunk *c, const double *state, size_t n, size_t first, int here)
{
#define LOAD(row, i)                                                      \
    for (int p = 0; p < POINTS; p++)                                      \
        (row)[p] = p < here ? state[(i) * n + first + p] : 0.0;
    LOAD(c->distance, DISTANCE)
    for (int i = 0; i < 6; i++) {
        LOAD(c->start[i], STRETCH + i)
        LOAD(c->first[i], STRAINS + i)
    }
    for (int i = 0; i < MEMORY; i++)
        LOAD(c->memory[i], MEMORIES + i)
    for (int i = 0; i < OWN; i++)
        LOAD(c->own[i], OWNS + i)
#undef LOAD
    for (int p = 0; p < POINTS; p++) {
        if (p < here && state[BEGUN * n + first + p] != 0.0)
            continue;
        c->distance[p] = 0.0;
        for (int i = 0; i < 6; i++)
            c->start[i][p] = c->first[i][p] = 0.0;
        for (int i = 0; i < MEMORY; i++)
            c->memory[i][p] = 0.0;
        cell_virgin(c->own, p);
    }
}

static void store_state(const chunk *c, double *state, size_t n, size_t first, int here)
{
#define STORE(rows, count, begin)                                         \
    for (int i = 0; i < count; i++)                                       \
        for (int p = 0; p < here; p++)                                    \
            state[((begin) + i) * n + first + p] = rows[i][p];
    for (int p = 0; p < here; p++) {
        state[BEGUN * n + first + p] = 1.0;
        state[DISTANCE * n + first + p] = c->distance[p];
    }
    STORE(c->end, 6, STRETCH)
    STORE(c->at.k, 6, STRAINS)
    STORE(c->memory, MEMORY, MEMORIES)
    STORE(c->own, OWN, OWNS)
#undef STORE
}

/* R (deviator + PRESSURE (J - 1) I) R^T, in the host's units. */
static void store_stress(chunk *c, double *stress, size_t n, size_t first, int here)
{
    static const int slot[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {1, 2}, {0, 2}};
    real(*restrict d)[POINTS] = c->deviator;
    for (int m = 0; m < 6; m++) {
        double(*restrict own)[POINTS] = c->at.k + TURN + 3 * slot[m][0];
        double(*restrict other)[POINTS] = c->at.k + TURN + 3 * slot[m][1];
        double *restrict out = stress + m * n + first;
        const double bulk = m < 3 ? PRESSURE : 0.0;
        for (int p = 0; p < here; p++) {
            const double a = own[0][p], b = own[1][p], g = own[2][p];
            const double x = a * d[0][p] + b * d[3][p] + g * d[5][p];
            const double y = a * d[3][p] + b * d[1][p] + g * d[4][p];
            const double z = a * d[5][p] + b * d[4][p] + g * d[2][p];
            const double value = x * other[0][p] + y * other[1][p] + z * other[2][p];
            out[p] = (value + bulk * c->at.k[GROWTH][p]) / HOST_STRESS;
        }
    }
}

/* Equal parts that a step of this length, over the horizon, is taken in. */
static int parts_of(double fraction)
{
    const double wanted = fraction / LONGEST_STEP - 1e-6;
    if (!(wanted > 1.0))
        return 1;
    return wanted > MOST_SUBSTEPS - 1 ? MOST_SUBSTEPS : (int)wanted + (wanted > (int)wanted);
}

/* A step in equal parts; U - I at its end is in c->at.after. */
static int equal_parts(chunk *c, double time, double dt, int parts, int together)
{
    double(*u)[POINTS] = c->at.after, (*k)[POINTS] = c->at.k, whole[6][POINTS];
    const double fraction = dt / HORIZON / parts;
    part now = {.fraction = fraction < LONGEST_KNOWN ? fraction : LONGEST_KNOWN,
        .together = together};
    if (parts > 1)
        memcpy(whole, u, sizeof whole);
    memcpy(c->at.before, c->first, sizeof c->first);
    memcpy(c->at.stretch, c->start, sizeof c->start);
    int bad = -1;
    for (int i = 1; i <= parts && bad < 0; i++) {
        now.end = (time - dt * (parts - i) / parts) / HORIZON;
        now.start = now.end - now.fraction;
        if (parts > 1) {
            double f[9][POINTS];
            const double x = (double)i / parts;
            for (int j = 0; j < 6; j++)
                for (int p = 0; p < POINTS; p++)
                    u[j][p] = i == parts ? whole[j][p]
                                         : c->start[j][p] + x * (whole[j][p] - c->start[j][p]);
            if (i < parts) {
                as_gradient(u, f);
                kinematics(f, u, k);
            } else {
                kinematics(c->f, u, k);
            }
        }
        bad = cell_step(&now, &c->at, c->own, c->deviator);
        memcpy(c->at.before, k, sizeof c->at.before);
        memcpy(c->at.stretch, u, sizeof c->at.stretch);
    }
    return bad;
}

/* Parts that each point's step is to be taken in, a power of two; the largest of them. */
static int parts_by_strain(const chunk *c, int together, int *restrict parts)
{
    int most = 1;
    for (int p = 0; p < POINTS; p++) {
        double square = 0.0;
        for (int i = 0; i < 6; i++) {
            const double change = c->at.k[STRAIN + i][p] - c->first[i][p];
            square += (i < 3 ? 1.0 : 2.0) * change * change;
        }
        const double size = sqrt(square);
        parts[p] = 1;
        while (parts[p] < MOST_SUBSTEPS && size > LONGEST_STRAIN * parts[p])
            parts[p] *= 2;
        most = most > parts[p] ? most : parts[p];
    }
    for (int p = 0; together && p < POINTS; p++)
        parts[p] = most;
    return most;
}

/* Steps again, from `begun`, of the points that are to be taken in more parts than `least`. */
static int more_parts(chunk *c, const chunk *begun, double time, double dt, int least,
    const int *restrict parts, int together)
{
    chunk again;
    int bad = -1;
    for (int count = 2; count <= MOST_SUBSTEPS && bad < 0; count *= 2) {
        int wanted = 0;
        for (int p = 0; p < POINTS; p++)
            wanted += parts[p] == count;
        if (count <= least || !wanted)
            continue;
        again = *begun;
        bad = equal_parts(&again, time, dt, count, together);
        for (int p = 0; p < POINTS; p++) {
            for (int i = 0; parts[p] == count && i < OWN; i++)
                c->own[i][p] = again.own[i][p];
            for (int i = 0; parts[p] == count && i < 6; i++)
                c->deviator[i][p] = again.deviator[i][p];
        }
    }
    return bad;
}

static int step(chunk *c, double time, double dt, int together)
{
    const int least = parts_of(dt / HORIZON);
    kinematics(c->f, c->at.after, c->at.k);
    int parts[POINTS], bad;
    if (parts_by_strain(c, together, parts) > least) {
        const chunk begun = *c;
        bad = equal_parts(c, time, dt, least, together);
        if (bad < 0)
            bad = more_parts(c, &begun, time, dt, least, parts, together);
    } else {
        bad = equal_parts(c, time, dt, least, together);
    }
    memcpy(c->end, c->at.after, sizeof c->end);
    trust(dt / HORIZON, c->at.k, c->first, c->memory, c->distance);
    return bad;
}

/* What `F` holds: F, the six components of U, or F of trials that are to be subtracted. */
enum { GRADIENTS, STRETCHES, TRIALS };

static int all_points(int points, double time, double dt, const double *F, int form,
    const double *old, double *new, double *stress)
{
    static const int slot[9] = {0, 3, 5, 3, 1, 4, 5, 4, 2};
    chunk c;
    const size_t n = (size_t)points;
    if (!(dt > 0.0 && dt < 1e300))
        return LAW(BAD_STEP);
    if (HAS_HORIZON && !(time <= HORIZON * (1.0 + 1e-9)))
        return LAW(BEYOND_HORIZON);
    for (int first = 0; first < points; first += POINTS) {
        const int here = points - first < POINTS ? points - first : POINTS;
        for (int i = 0; i < 9; i++) {
            const double *row = F + (size_t)(form == STRETCHES ? slot[i] : i) * n + first;
            for (int p = 0; p < POINTS; p++)
                c.f[i][p] = p < here ? row[p] : (i % 4 == 0 ? 1.0 : 0.0);
        }
        int bad = first_bad(c.f, here);
        if (bad >= 0)
            return first + bad + 1;
        load_state(&c, old, n, first, here);
        bad = step(&c, time, dt, form == TRIALS);
        if (bad >= 0 && bad < here)
            return first + bad + 1;
        store_state(&c, new, n, first, here);
        store_stress(&c, stress, n, first, here);
    }
    return 0;
}

int LAW(update)(int n, double time, double dt, const double *F, const double *old_state,
    double *new_state, double *stress)
{
    return all_points(n, time * HOST_TIME, dt * HOST_TIME, F, GRADIENTS, old_state, new_state, stress);
}

int LAW(stretch)(int n, double time, double dt, const double *U, const double *old_state,
    double *new_state, double *stress)
{
    return all_points(n, time * HOST_TIME, dt * HOST_TIME, U, STRETCHES, old_state, new_state, stress);
}
