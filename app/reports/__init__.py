"""Figures of the work: each with its definition, from numbers and times that stay when a person is erased."""
