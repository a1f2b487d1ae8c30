"""The guards of a run, each met by the fault that it is there for; and each with a control in
which the guard is taken out and the same test sees the damage.

``CHAOS_TRIALS`` raises the number of trials; ``make chaos`` does.
"""
