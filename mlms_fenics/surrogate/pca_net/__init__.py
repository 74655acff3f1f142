# SPDX-License-Identifier: MIT
"""The PCA-Net: principal components of histories and a network between them."""
