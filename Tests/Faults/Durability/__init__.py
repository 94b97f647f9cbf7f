"""Faults under load, and the proof afterwards that nothing acknowledged was lost."""
