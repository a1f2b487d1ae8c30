"""What a hostile tenant, or anybody, may send to the service: each attack is a function that goes
on until it is told to stop.

They target this machine alone, and import nothing of the service: each runs in a process of its own
(``python -m tests.load.attacks``) at the lowest priority, so that it takes little of the processors
that it shares with what it attacks.
"""
