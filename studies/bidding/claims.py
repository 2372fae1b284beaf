"""The post's statements and the reference calculations beside ours (law 12)."""

from __future__ import annotations

from studies.bidding.claims_exact import exact_claims, prototype_claims_that_cannot_be_made_again
from studies.bidding.claims_post import post_claims
from studies.bidding.claims_prototype import evolved_claims
from studies.bidding.evolving import PLAN
from studies.bidding.tables import played
from studies.claims import Claim
from studies.study import Results

LEAST_SEEDS = 4
LONGEST = 300  # generations of Bertrand competition


def list_claims(results: Results) -> list[Claim]:
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
