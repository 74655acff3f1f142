# SPDX-License-Identifier: MIT
"""One recurrent law for many textures of a material, made into one for a texture when it is used.

python -m mlms_fenics.surrogate.family train FILE.h5 FILE.h5 ... --out family.h5
python -m mlms_fenics.surrogate.family of family.h5 --texture TEXTURE --out model.h5
"""
