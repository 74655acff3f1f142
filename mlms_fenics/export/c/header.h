/* SPDX-License-Identifier: MIT */
#ifndef @NAME@_H
#define @NAME@_H

/* Units: @UNITS@ (length, time, mass, stress).

   Arrays hold a row of n numbers for each component or state variable, one for each point: component
   i of point p is a[i*n + p]. For n = 1 that is a plain list; in Fortran it is a(n, components).

   Components of symmetric tensors: 11, 22, 33, 12, 23, 13. Of F: 11, 12, 13, 21, 22, 23, 31, 32, 33.
   Shear components are those of the tensor, not engineering strains.

   State of a virgin point: all zero. What each variable is, is told in README.md.

   The functions keep nothing between calls and allocate nothing, so that threads may share them. The
   new state may be written over the old one. */

#ifdef __cplusplus
extern "C" {
#endif

enum {
    @NAME@_STATES = @STATES@,
    /* What a step may return beside 0, which is success, and k > 0, which is: det F of point k (from 1)
       is not positive or is NaN, or the point's law could not be integrated. State and stress are then
       undefined. */
    @NAME@_BAD_STEP = -1,       /* dt is not positive */
    @NAME@_BEYOND_HORIZON = -2, /* the law knows nothing of so late a time */
};

/* Mass per reference volume; moduli for the elastic wave speed and for hourglass control. */
extern const double @NAME@_density, @NAME@_bulk_modulus, @NAME@_shear_modulus;
/* Longest time up to which the law may be used, or 0 where there is no such. */
extern const double @NAME@_horizon;
/* The number of state variables, and microseconds, GPa and mg/mm^3 per unit of the host's. */
extern const int @NAME@_states;
extern const double @NAME@_unit_time, @NAME@_unit_stress, @NAME@_unit_density;

/* Cauchy stress and state at the end of a step.

   n: points; time: at the end of the step; dt: its length, over which the stretch goes linearly;
   F: deformation gradient at the end, 9 rows; old_state: at the start; new_state: filled in;
   stress: 6 rows, in the fixed frame, filled in. */
int @NAME@_update(int n, double time, double dt, const double *F, const double *old_state,
    double *new_state, double *stress);

/* The same for a code whose frame turns with the material (R of F = R U): U, 6 rows, in; the stress
   in that frame out. */
int @NAME@_stretch(int n, double time, double dt, const double *U, const double *old_state,
    double *new_state, double *stress);

/* Derivative of one point's stress at the end of a step, by central differences of the whole step:
   component i of (1/J) d(J stress) for d(F) = e F, e the symmetric tensor of unit component j
   (both entries e_ij = e_ji = 1/2 of a shear, so that it is one by an engineering shear strain) is
   tangent[i*6 + j]. F: 9 numbers. Right to about 1e-7 of the elastic moduli. */
int @NAME@_tangent(double time, double dt, const double *F, const double *old_state,
    double *tangent);

#ifdef __cplusplus
}
#endif

#endif
