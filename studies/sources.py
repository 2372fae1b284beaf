"""The documents whose numbers and sentences the named studies are compared with."""

from __future__ import annotations

from studies.claims import Source

POST = Source("Simulating power markets with competitive self-play (post on an article of 2009)")
POSTER = Source("Poster on coalitions of owners of private lines")
TWO_SIDED = Source("Two-Sided Tacit Collusion (Jabbari Zideh, Mohtavipour; Energies 2017, 10, 2045)")
HOMES = Source("Collusive Smart Homes (A. Mowry, 2019)")
SYNCHRONIZATION = Source("Synchronization Games in P2P Energy Trading (Saukh, Papst, Saukh)")
