# SPDX-License-Identifier: MIT
"""What the compiled steps and trainings of learnt laws share: numba kernels for a CPU.

The same equations stand in each architecture's torch module, which runs in double precision, in
plane strain and on a GPU. `torch.compile` (torch 2.6, Inductor, one core) cannot take the kernels'
place: the shipped law's step took 2.3 times as long, whole or in chunks that fit the caches, and
a training gradient 4.2 times, or 2.7 times where 20 steps are compiled as one graph, which takes
three minutes.
"""
