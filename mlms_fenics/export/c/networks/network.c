/* SPDX-License-Identifier: MIT */
/* Layers of a network over a chunk of points.

   Weights are packed in panels of PANEL rows, for each input the weights of the panel's rows, so that
   a panel's sums stay in registers; rows beyond the last are zero. */

#if defined(__GNUC__) && !defined(PLAIN_C)
#if defined(__AVX512F__)
enum { VECTOR = 64, ABREAST = 4 };
#elif defined(__AVX__)
enum { VECTOR = 32, ABREAST = 2 };
#else
enum { VECTOR = 16, ABREAST = 2 };
#endif
typedef real vector __attribute__((vector_size(VECTOR), aligned(sizeof(real)), may_alias));
enum { COLUMNS = ABREAST * VECTOR / sizeof(real) };

static inline void panel(const real *w, int inputs, const real *z, real *out, int rows)
{
    vector sum[PANEL][ABREAST];
    for (int r = 0; r < PANEL; r++)
        for (int v = 0; v < ABREAST; v++)
            sum[r][v] = (vector){0};
    for (int k = 0; k < inputs; k++, w += PANEL, z += POINTS)
        for (int r = 0; r < PANEL; r++)
            for (int v = 0; v < ABREAST; v++)
                sum[r][v] += w[r] * ((const vector *)z)[v];
    for (int r = 0; r < PANEL; r++)
        if (r < rows)
            for (int v = 0; v < ABREAST; v++)
                ((vector *)(out + (size_t)r * POINTS))[v] = sum[r][v];
}
#else
enum { COLUMNS = 32 };

static inline void panel(const real *w, int inputs, const real *z, real *out, int rows)
{
    real sum[PANEL][COLUMNS] = {{0}};
    for (int k = 0; k < inputs; k++, w += PANEL, z += POINTS)
        for (int r = 0; r < PANEL; r++)
            for (int j = 0; j < COLUMNS; j++)
                sum[r][j] += w[r] * z[j];
    for (int r = 0; r < rows && r < PANEL; r++)
        for (int j = 0; j < COLUMNS; j++)
            out[(size_t)r * POINTS + j] = sum[r][j];
}
#endif

/* out = W z */
static void product(const real *w, int rows, int inputs, real (*z)[POINTS], real (*out)[POINTS])
{
    for (int i = 0; i < rows; i += PANEL, w += (size_t)PANEL * inputs)
        for (int c = 0; c < POINTS; c += COLUMNS)
            panel(w, inputs, z[0] + c, out[i] + c, rows - i);
}

/* h += bias, row by row. */
static void add_bias(const real *bias, int rows, real (*restrict h)[POINTS])
{
    for (int i = 0; i < rows; i++)
        for (int p = 0; p < POINTS; p++)
            h[i][p] += bias[i];
}
