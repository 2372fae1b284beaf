"""The post's statements and the reference calculations beside ours (law 12)."""

from __future__ import annotations

from studies.claims import Claim
from studies.self_play.claims_exact import exact_claims, prototype_claims_that_cannot_be_made_again
from studies.self_play.claims_post import post_claims
from studies.self_play.claims_prototype import evolved_claims
from studies.self_play.evolving import PLAN
from studies.self_play.tables import played
from studies.study import Results, Summaries

LEAST_SEEDS = 4
LONGEST = 300  # generations of Bertrand competition


def claims(results: Results, summaries: Summaries) -> list[Claim]:
    """Rows of the ledger; none from runs too short or too few to say anything."""
    spec = results.spec
    enough = spec.generations >= LONGEST and spec.seeds >= LEAST_SEEDS and set(played(results)) == set(PLAN)
    planned = results.manifest.get("cells", 0) * results.manifest.get("replicates", 0)
    if not enough or len(results.cells) - len(results.failures) < planned:
        return []
    return [
        *post_claims(results),
        *exact_claims(results),
        *evolved_claims(results),
        *prototype_claims_that_cannot_be_made_again(),
    ]
