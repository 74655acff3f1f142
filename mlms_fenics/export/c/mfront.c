/* SPDX-License-Identifier: MIT */
/* The law @NAME@ as a behaviour of MFront's generic interface (API version 1: TFEL 3.4.1 and later), to
   be linked with @NAME@.c into one shared library. Units: @UNITS@. The names and structures
   are those that MGIS looks for. Finite strain, three dimensions; no material properties, and of the
   external state variables only the temperature, which is not used. */
#include "@NAME@.h"

#include <math.h>
#include <stdio.h>

enum { STATES = @STATES@, CLOCK = STATES };

struct initial_state {
    const double *gradients, *forces, *mass_density, *properties, *internal, *stored, *dissipated, *external;
};
struct final_state {
    const double *gradients;
    double *forces;
    const double *mass_density, *properties;
    double *internal, *stored, *dissipated;
    const double *external;
};
struct behaviour_data {
    char *error_message;
    double dt, *K, *rdt, *speed_of_sound;
    struct initial_state s0;
    struct final_state s1;
};

/* What MGIS asks of a library. Types: 0 scalar, 1 symmetric tensor, 3 tensor. */
const char *@NAME@_mfront_ept = "@NAME@", *@NAME@_tfel_version = "4.0.0";
const char *@NAME@_mfront_interface = "Generic", *@NAME@_src = "@NAME@.c";
const char *@NAME@_author = "", *@NAME@_date = "", *@NAME@_description = "", *@NAME@_build_id = "";
unsigned short @NAME@_mfront_mkt = 1, @NAME@_api_version = 1;
unsigned short @NAME@_nModellingHypotheses = 1, @NAME@_nMainVariables = 1;
const char *@NAME@_ModellingHypotheses[1] = {"Tridimensional"};
unsigned short @NAME@_nGradients = 1, @NAME@_nThermodynamicForces = 1;
int @NAME@_GradientsTypes[1] = {3}, @NAME@_ThermodynamicForcesTypes[1] = {1};
const char *@NAME@_Gradients[1] = {"DeformationGradient"}, *@NAME@_ThermodynamicForces[1] = {"Stress"};
unsigned short @NAME@_nTangentOperatorBlocks = 2;
const char *@NAME@_TangentOperatorBlocks[2] = {"Stress", "DeformationGradient"};
unsigned short @NAME@_BehaviourType = 2, @NAME@_BehaviourKinematic = 3;
/* "Isotropic" is: not to be turned by the host. The law is in the frame of its texture. */
unsigned short @NAME@_SymmetryType = 0, @NAME@_ElasticSymmetryType = 0;
unsigned short @NAME@_TemperatureRemovedFromExternalStateVariables = 1;
unsigned short @NAME@_UsableInPurelyImplicitResolution = 0;
unsigned short @NAME@_nMaterialProperties = 0, @NAME@_nExternalStateVariables = 0;
const char *const *@NAME@_MaterialProperties = 0, *const *@NAME@_ExternalStateVariables = 0;
const int *@NAME@_ExternalStateVariablesTypes = 0, *@NAME@_ParametersTypes = 0;
unsigned short @NAME@_nParameters = 0, @NAME@_nInitializeFunctions = 0, @NAME@_nPostProcessings = 0;
const char *const *@NAME@_Parameters = 0, *const *@NAME@_InitializeFunctions = 0;
const char *const *@NAME@_PostProcessings = 0;
unsigned short @NAME@_requiresStiffnessTensor = 0, @NAME@_ComputesInternalEnergy = 0;
unsigned short @NAME@_requiresThermalExpansionCoefficientTensor = 0;
unsigned short @NAME@_ComputesDissipatedEnergy = 0;
unsigned short @NAME@_nInternalStateVariables = STATES + 1;
int @NAME@_InternalStateVariablesTypes[STATES + 1] = {0};
const char *@NAME@_InternalStateVariables[STATES + 1] = {@NAMES@};

typedef double matrix[3][3];
/* Of MFront's tensors, whose symmetric ones have shears times the root of two. */
static const int whole[9][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {1, 0}, {0, 2}, {2, 0}, {1, 2}, {2, 1}};
static const int half[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}};
/* Of the law's. */
static const int own[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {1, 2}, {0, 2}};

static double scale(int component)
{
    return component < 3 ? 1.0 : sqrt(2.0);
}

static void product(matrix a, matrix b, matrix c)
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            c[i][j] = a[i][0] * b[0][j] + a[i][1] * b[1][j] + a[i][2] * b[2][j];
}

static void transposed(matrix a, matrix b)
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            b[i][j] = a[j][i];
}

static double inverted(matrix a, matrix b)
{
    double det = 0.0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            const int k = (i + 1) % 3, l = (i + 2) % 3, m = (j + 1) % 3, n = (j + 2) % 3;
            b[j][i] = a[k][m] * a[l][n] - a[k][n] * a[l][m];
        }
    for (int j = 0; j < 3; j++)
        det += a[0][j] * b[j][0];
    for (int i = 0; i < 9; i++)
        (&b[0][0])[i] /= det;
    return det;
}

/* Cauchy, second or first Piola-Kirchhoff stress by `measure` 0, 1, 2. */
static void stress_of(int measure, matrix F, matrix sigma, double *out)
{
    matrix inverse, back, P, S;
    const double J = inverted(F, inverse);
    transposed(inverse, back);
    product(sigma, back, P);
    product(inverse, P, S);
    for (int k = 0; k < (measure == 2 ? 9 : 6); k++) {
        const int i = (measure == 2 ? whole : half)[k][0], j = (measure == 2 ? whole : half)[k][1];
        out[k] = measure == 0 ? scale(k) * sigma[i][j] : measure == 1 ? J * scale(k) * S[i][j] : J * P[i][j];
    }
}

/* d sigma/dF (6 by 9), dS/dE (6 by 6) or dP/dF (9 by 9), rows one after the other, by `kind` 0, 1, 2;
   from the law's tangent, see @NAME@.h. */
static void slope_of(int kind, matrix F, matrix sigma, const double *tangent, double *K)
{
    const int columns = kind == 1 ? 6 : 9;
    matrix inverse, back, S, P;
    const double J = inverted(F, inverse);
    transposed(inverse, back);
    product(sigma, back, P);
    product(inverse, P, S);
    for (int column = 0; column < columns; column++) {
        matrix dF = {{0.0}}, l, w, a, b, dsigma, dP, dS;
        if (kind == 1) {
            matrix dE = {{0.0}};
            const int i = half[column][0], j = half[column][1];
            dE[i][j] = dE[j][i] = 1.0 / scale(column);
            product(back, dE, dF);
        } else
            dF[whole[column][0]][whole[column][1]] = 1.0;
        product(dF, inverse, l);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                w[i][j] = 0.5 * (l[i][j] - l[j][i]);
        product(w, sigma, a);
        product(sigma, w, b);
        const double volume = l[0][0] + l[1][1] + l[2][2];
        for (int k = 0; k < 6; k++) {
            const int i = own[k][0], j = own[k][1];
            double rate = a[i][j] - b[i][j] - volume * sigma[i][j];
            for (int m = 0; m < 6; m++) {
                const int p = own[m][0], q = own[m][1];
                rate += tangent[6 * k + m] * (p == q ? l[p][p] : l[p][q] + l[q][p]);
            }
            dsigma[i][j] = dsigma[j][i] = rate;
        }
        /* dP/J = (volume sigma + d sigma) F^-T - sigma F^-T dF^T F^-T, and F dS = dP - dF S. */
        for (int i = 0; i < 9; i++)
            (&a[0][0])[i] = volume * (&sigma[0][0])[i] + (&dsigma[0][0])[i];
        product(a, back, dP);
        transposed(l, a);
        product(sigma, a, b);
        product(b, back, a);
        for (int i = 0; i < 9; i++)
            (&dP[0][0])[i] -= (&a[0][0])[i];
        product(dF, S, a);
        for (int i = 0; i < 9; i++)
            (&b[0][0])[i] = (&dP[0][0])[i] - (&a[0][0])[i];
        product(inverse, b, dS);
        for (int k = 0; k < (kind == 2 ? 9 : 6); k++) {
            const int i = (kind == 2 ? whole : half)[k][0], j = (kind == 2 ? whole : half)[k][1];
            K[k * columns + column] = kind == 0 ? scale(k) * dsigma[i][j]
                : kind == 1                     ? J * scale(k) * dS[i][j]
                                                : J * dP[i][j];
        }
    }
}

static int failed(struct behaviour_data *d, const char *what)
{
    if (d->error_message)
        snprintf(d->error_message, 512, "@NAME@: %s", what);
    if (d->rdt)
        *d->rdt = 0.25;
    return -1;
}

/* 1: done; -1: not, and a shorter step is proposed. */
int @NAME@_Tridimensional(struct behaviour_data *d);
int @NAME@_Tridimensional(struct behaviour_data *d)
{
    const int speed = d->K[0] > 50.0;
    const double asked = d->K[0] - (speed ? 100.0 : 0.0);
    const int measure = (int)floor(d->K[1] + 0.5), kind = (int)floor(d->K[2] + 0.5);
    const double time = d->s0.internal[CLOCK] + d->dt;
    const double *given = asked < -0.5 ? d->s0.gradients : d->s1.gradients;
    double components[6], tangent[36], new_state[STATES];
    matrix F, sigma;
    if (measure < 0 || measure > 2 || kind < 0 || kind > 2)
        return failed(d, "stress measure and tangent operator must be 0, 1 or 2");
    for (int k = 0; k < 9; k++)
        F[whole[k][0]][whole[k][1]] = given[k];
    const int code = @NAME@_update(1, time, d->dt, &F[0][0], d->s0.internal, new_state, components);
    if (code)
        return failed(d, code > 0 ? "det F is not positive or is NaN, or the step is too long"
            : code == @NAME@_BAD_STEP ? "dt must be positive"
                                      : "the time is beyond the law's horizon");
    for (int k = 0; k < 6; k++)
        sigma[own[k][0]][own[k][1]] = sigma[own[k][1]][own[k][0]] = components[k];
    if (asked < -0.5 || asked > 0.5) {
        if (@NAME@_tangent(time, d->dt, &F[0][0], d->s0.internal, tangent))
            return failed(d, "the tangent could not be computed");
        slope_of(kind, F, sigma, tangent, d->K);
    }
    if (speed && d->speed_of_sound) {
        const int told = d->s1.mass_density && *d->s1.mass_density > 0.0;
        const double density = told ? *d->s1.mass_density : @NAME@_density;
        const double modulus = @NAME@_bulk_modulus + 4.0 / 3.0 * @NAME@_shear_modulus;
        *d->speed_of_sound = sqrt(modulus / density);
    }
    if (asked < -0.5)
        return 1;
    stress_of(measure, F, sigma, d->s1.forces);
    for (int k = 0; k < STATES; k++)
        d->s1.internal[k] = new_state[k];
    d->s1.internal[CLOCK] = time;
    return 1;
}
