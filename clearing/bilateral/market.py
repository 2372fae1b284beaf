"""The bilateral market: a welfare-maximising matrix of trades with supporting prices for every pair.

A dual solution is a competitive equilibrium of the assignment market and its outcome stable: no pair that
could trade gains by leaving its partners (L. S. Shapley, M. Shubik, 1971). Supporting prices form a
lattice, whose ends are best for all sellers and best for all buyers at once; both are reported.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from clearing.arrays.compiled import CompiledModel, compile_model
from clearing.arrays.kept import KeptModels
from clearing.arrays.programs import Program
from clearing.bilateral.book import BilateralBook
from clearing.bilateral.model import DATA, build_bilateral_model
from clearing.bilateral.outcome import BilateralOutcome, PairPrices, certify_bilateral
from clearing.errors import InputError
from clearing.pricing.exact import AT_LIMIT, lexicographic
from clearing.pricing.prices import PriceRule, check_price_rule
from clearing.pricing.reduced import typical_size

MODELS_KEPT = 8

MOST_PAIRS = 40_000
"""Pairs that one clearing takes: about a minute and 2 GB. Time grows with the 1.5th power of their number."""


class BilateralMarket:
    """Clears bilateral books.

    Parameters
    ----------
    price_rule : "low" (best for buyers), "high" (best for sellers) or "canonical" (the midpoint).

    Examples
    --------
    >>> import clearing
    >>> book = clearing.BilateralBook.from_tables(
    ...     [{"seller": "Ann", "mw": 2, "price": 10}], [{"buyer": "Bob", "mw": 1, "price": 30}])
    >>> clearing.BilateralMarket().clear(book).trades.price.tolist()
    [10.0]
    """

    def __init__(self, price_rule: PriceRule = "canonical"):
        check_price_rule(price_rule)
        self.price_rule = price_rule
        self._models: KeptModels[CompiledModel] = KeptModels(MODELS_KEPT)

    def clear(self, book: BilateralBook) -> BilateralOutcome:
        """Clear one book.

        Among optimal trades: the largest volume, then the least Σ t_ij²/(q_i·d_j), so that what is tied is
        shared in proportion to both sizes (law 4).

        Raises
        ------
        InputError
            no seller or no buyer, or more pairs than `MOST_PAIRS`.
        NumericalError
            no solver's outcome could be certified.
        """
        if not book.sellers or not book.buyers:
            raise InputError("a bilateral market needs at least one seller and one buyer; give both tables")
        _refuse_too_many_pairs(book)
        quantity = typical_size(np.concatenate([book.seller_mw, book.buyer_mw]))
        money = typical_size(np.abs(np.concatenate([book.seller_price, book.buyer_price])))
        traded = self._trade(book, quantity, money)
        prices = support(book, traded, quantity, money)
        picked = {"low": prices[0], "high": prices[1], "canonical": prices[0].mean_with(prices[1])}
        certificate = certify_bilateral(book, traded, picked[self.price_rule])
        return BilateralOutcome(
            book=book,
            traded_mw=traded,
            prices=picked[self.price_rule],
            buyer_optimal=prices[0],
            seller_optimal=prices[1],
            price_rule=self.price_rule,
            certificate=certificate.required("bilateral market"),
        )

    def _trade(self, book: BilateralBook, quantity: float, money: float) -> np.ndarray:
        i, j = book.pair
        model = self._compiled(book)
        program = model.at(
            **{name: getattr(book, name) for name in DATA}, pair_gain=(book.preference - book.charge)[i, j]
        ).scaled(quantity, money)
        traded = model.variables["traded"]
        volume, share = np.zeros(len(program.cost)), np.zeros(len(program.cost))
        volume[traded] = -1.0
        size = book.seller_mw[i] * book.buyer_mw[j] / quantity**2
        share[traded] = np.divide(1.0, size, out=np.zeros(len(size)), where=size > 0)
        none = np.zeros(len(program.cost))
        stages = [(program.cost, program.curvature), (volume, none), (none, share / max(share.max(), 1e-300))]
        found = lexicographic(program, stages if len(i) else stages[:1])
        out = np.zeros(book.allowed.shape)
        out[i, j] = np.maximum(found.x[traded], 0.0) * quantity
        return out

    def _compiled(self, book: BilateralBook) -> CompiledModel:
        key = (book.allowed.shape, book.allowed.tobytes())
        sizes = len(book.sellers), len(book.buyers)
        return self._models.get(key, lambda: compile_model(build_bilateral_model(*sizes, book.pair)))


def _refuse_too_many_pairs(book: BilateralBook) -> None:
    """Before the work, because the work would take hours and all the memory."""
    pairs = int(np.count_nonzero(book.allowed))
    if pairs > MOST_PAIRS:
        raise InputError(
            f"{len(book.sellers):,} sellers and {len(book.buyers):,} buyers are {pairs:,} pairs that may "
            f"trade, more than the {MOST_PAIRS:,} that are cleared at once; name those that may (table "
            "'pairs', only_listed=True), clear neighbourhoods apart, or take a central auction (ElecBay)"
        )


def support(
    book: BilateralBook, traded: np.ndarray, quantity: float, money: float
) -> tuple[PairPrices, PairPrices]:
    """The ends of the supporting prices, best for buyers and best for sellers.

    Over P_i, R_j: R_j − P_i ≤ γ_ij − π_ij, with equality where the pair trades; P_i is the marginal cost of
    a seller that sells a part, at least that if it sells all, at most that if it sells nothing; R_j
    likewise. Of those that trade nothing, prices stay as near as possible to their own.
    """
    i, j = book.pair
    sold, bought = traded.sum(axis=1), traded.sum(axis=0)
    cost = (book.seller_price + book.seller_slope * sold) / money
    value = (book.buyer_price - book.buyer_slope * bought) / money
    least = AT_LIMIT * quantity
    count = len(book.sellers)
    rows = np.arange(len(i))
    entries = np.concatenate([-np.ones(len(i)), np.ones(len(j))])
    matrix = sparse.csc_array(
        (entries, (np.concatenate([rows, rows]), np.concatenate([i, count + j]))),
        shape=(len(i), count + len(book.buyers)),
    )
    high = ((book.charge - book.preference) / money)[i, j]
    none = np.zeros(matrix.shape[1])
    own, size = np.concatenate([cost, value]), np.concatenate([book.seller_mw, book.buyer_mw]) / quantity
    weight = np.maximum(size, 1e-9)
    face = Program(
        cost=none,
        curvature=none,
        matrix=matrix,
        row_low=np.where(traded[i, j] > least, high, -np.inf),
        row_high=high,
        low=np.concatenate(
            [np.where(sold > least, cost, -np.inf), np.where(bought < book.buyer_mw - least, value, -np.inf)]
        ),
        high=np.concatenate(
            [np.where(sold < book.seller_mw - least, cost, np.inf), np.where(bought > least, value, np.inf)]
        ),
    )
    reach = np.concatenate([sold, np.zeros(len(bought))]) / quantity
    found = []
    for sign in (1.0, -1.0):
        stages = [(sign * reach, none), (-2.0 * weight * own, 2.0 * weight)]
        point = lexicographic(face, stages).x * money
        found.append(PairPrices(point[:count], point[count:]))
    return found[0], found[1]
