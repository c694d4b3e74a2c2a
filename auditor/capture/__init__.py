# SPDX-License-Identifier: GPL-2.0-only
"""A separate program that holds the raw socket; started by path, imported by nothing."""
