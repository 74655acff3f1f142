# SPDX-License-Identifier: MIT
"""Learnt grains: a polycrystal of few grains whose common flow law is a small network."""
