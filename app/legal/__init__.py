"""Imprint, privacy notice, accessibility statement and contact: short texts an operator must show."""
