/* SPDX-License-Identifier: MIT */
/* A part of a step: its length, start and end, over the horizon; and whether laws that choose substeps
   are to choose them alike for all points, so that points can be subtracted. */
typedef struct {
    double fraction, start, end;
    int together;
} part;

/* What cells are given of its ends: U - I and log U at its start; U - I and all of `kinematics` at its
   end. */
typedef struct {
    double stretch[6][POINTS], before[6][POINTS], after[6][POINTS], k[17][POINTS];
} ends;
