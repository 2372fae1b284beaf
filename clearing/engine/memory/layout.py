"""The declared layout: all blocks of the store in order; what their fields mean is said in `fields`."""

from __future__ import annotations

from clearing.engine.linalg.simd import LANES
from clearing.engine.memory.declare import (
    EIGHT,
    FEW,
    FLOAT,
    INDEX,
    INT,
    LOCAL,
    MARKET,
    MOST_LAYERS,
    ROUND,
    THREAD,
    Block,
    Field,
    Sizes,
    lent,
    own,
    padded,
)  # fmt: skip
from clearing.engine.memory.fields import BOOK, BUS, COLUMN, LINE, PROVEN, ROW, ROW_INT, SITE, SLOT, SLOT_INT


def _rows(n: Sizes) -> tuple[int, int]:
    return n.row_capacity, n.row_capacity


LAYOUT = [
    Block(FLOAT, lambda n: (n.columns + 2 * n.row_capacity + 32,), COLUMN),
    Block(
        FLOAT,
        lambda n: (n.slot_capacity, n.columns),
        [own("matrix", THREAD, "MW of flow per MW of each column")],
    ),
    Block(
        FLOAT,
        lambda n: (n.slot_capacity, n.sites),
        [own("site_matrix", THREAD, "the same per MW injected at a site")],
    ),
    Block(FLOAT, lambda n: (n.sites + LANES,), SITE),  # the last of them stay 0
    Block(FLOAT, lambda n: (padded(max(n.orders, 1)),), BOOK),
    Block(
        FLOAT,
        lambda n: (n.slot_capacity, n.bus_width),
        [own("ptdf", THREAD, "the same per MW injected at a bus")],
    ),
    Block(FLOAT, lambda n: (n.slot_capacity,), SLOT),
    Block(FLOAT, lambda n: (n.row_capacity,), ROW),
    Block(
        FLOAT,
        _rows,
        [
            own("basis_inverse", THREAD, "transposed; 0 behind the basis"),
            own("anchor_inverse", THREAD, "inverse of the basis of average numbers"),
        ],
    ),
    Block(
        FLOAT,
        lambda n: (LANES,),
        [own("start_pivots", THREAD, "average number that each start takes, see `starting_basis`")],
    ),
    Block(
        FLOAT,
        lambda n: (2 * n.row_capacity + 2, 2 * n.row_capacity),
        [own("square_work", ROUND, "equations")],
    ),
    Block(
        FLOAT,
        lambda n: (n.row_capacity, n.columns + n.row_capacity),
        [own("wide_work", ROUND, "rows in some columns")],
    ),
    Block(
        FLOAT,
        _rows,
        [  # of the active set that is kept, see `active_set_cache`; both triangles by rows and by columns
            own("kept_entries", THREAD, "its columns' entries in its rows"),
            own("elimination_lower", THREAD, "multipliers"),
            own("elimination_lower_columns", THREAD, ""),
            own("elimination_upper", THREAD, ""),
            own("elimination_upper_columns", THREAD, ""),
            own("null_vectors", THREAD, "directions of its duals"),
        ],
    ),
    Block(
        FLOAT,
        lambda n: (n.row_capacity, LOCAL),
        [
            own(
                "moved_pull",
                THREAD,
                "by how much the reduced cost of each column falls that a direction moves",
            ),
            own("moved_rise", THREAD, "by how much the price of each bus rises"),
        ],
    ),
    Block(
        FLOAT,
        lambda n: (padded(n.columns + n.row_capacity + 1),),
        [
            lent(
                ("block_least", "least breakpoint of each block of columns"),
                ("qp.unit_scale", "scale of each equation"),
                ("canonical.unit_scale", "the same"),
            )
        ],
    ),
    Block(FLOAT, lambda n: (LANES,), [own("lane_numbers", MARKET, "0 … 7")]),
    Block(FLOAT, lambda n: (n.bus_width,), BUS),
    Block(
        FLOAT,
        lambda n: (LANES, n.bus_width),
        [
            own("proof.injection_rows", EIGHT, "net injections [MW]"),
            own("proof.price_rows", EIGHT, "prices"),
        ],
    ),
    Block(
        FLOAT,
        lambda n: (n.bus_width, LANES),
        [
            own("proof.injection", EIGHT, "a round is a place of the last axis"),
            own("proof.price", EIGHT, ""),
            own("proof.angle", EIGHT, ""),
            own("proof.pull", EIGHT, "what line duals ask of the prices, see `certificate`"),
            own("proof.work", EIGHT, ""),
        ],
    ),
    Block(FLOAT, lambda n: (n.lines, LANES), [own("proof.flow", EIGHT, "[MW]")]),
    Block(
        FLOAT,
        lambda n: (LANES, n.row_capacity),
        [own("proof.tight_dual", EIGHT, "duals of the lines in `tight_line`")],
    ),
    Block(FLOAT, lambda n: (LANES,), PROVEN),
    Block(FLOAT, lambda n: (n.lines,), LINE),
    Block(FLOAT, lambda n: (n.factor_lower_entries,), [own("factor_lower", MARKET, "see `sparse`")]),
    Block(FLOAT, lambda n: (n.factor_upper_entries,), [own("factor_upper", MARKET, "")]),
    Block(FLOAT, lambda n: (n.angles,), [own("factor_pivot", MARKET, "inverse pivots")]),
    Block(
        FLOAT, lambda n: (2 * n.lines,), [own("neighbour_susceptance", MARKET, "of the lines in `neighbour`")]
    ),
    Block(
        INT,
        lambda n: (n.columns,),
        [
            own("into_bus", MARKET, "bus that receives the column's MW; number of buses = none"),
            own("out_of_bus", MARKET, "bus that gives them up"),
            own(
                "kind",
                MARKET,
                "−1 demand (a purchase of a unit that does not sell), +1 any other order, 0 link",
            ),
            own("column_component", MARKET, ""),
        ],
    ),
    Block(INT, lambda n: (n.slot_capacity,), SLOT_INT),
    Block(INT, lambda n: (n.columns + 2 * n.row_capacity,), ROW_INT),
    Block(INDEX, lambda n: (n.orders,), [own("order_column", MARKET, "column of each order")]),
    Block(
        INT,
        lambda n: (FEW,),
        [own("changed_columns", ROUND, "columns of orders that are not as in the last round")],
    ),
    Block(INDEX, lambda n: (n.columns,), [own("column_site", MARKET, "site of each column")]),
    Block(INDEX, lambda n: (n.sites,), [own("site_bus", MARKET, "number of buses = none")]),
    Block(INDEX, lambda n: (n.bus_width,), [own("bus_site", MARKET, "number of sites = none")]),
    Block(
        INDEX,
        lambda n: (n.sites,),
        [own("link_into", MARKET, "ends of links"), own("link_out_of", MARKET, "")],
    ),
    Block(
        INT,
        lambda n: (MOST_LAYERS,),
        [
            own("layer_first", MARKET, "first column of each layer"),
            own("layer_width", MARKET, "and its columns"),
        ],
    ),
    Block(
        INT,
        lambda n: (n.columns + n.row_capacity + n.lines,),
        [
            lent(
                ("tight_lines", "lines at a limit, sorted"),
                ("lp.passed", "columns that the ratio test passes"),
            )
        ],
    ),
    Block(
        INT,
        lambda n: (n.buses + 1,),
        [
            own("bus_component", MARKET, ""),
            own("bus_island", MARKET, ""),
            own(
                "unpriced",
                ROUND,
                "of the first places: 1 for a component of which the round's prices are not set",
            ),
            own("is_pulled", EIGHT, "1 while the bus has a row in `proof.pull`"),
        ],
    ),
    Block(INDEX, lambda n: (n.lines,), [own("from_bus", MARKET, ""), own("to_bus", MARKET, "")]),
    Block(
        INT,
        lambda n: (n.lines,),
        [
            own("line_slot", THREAD, "−1 if it has none"),
            own("line_component", MARKET, ""),
        ],
    ),
    Block(
        INDEX,
        lambda n: (n.angles,),
        [own("factor_source", MARKET, "see `sparse`"), own("factor_target", MARKET, "")],
    ),
    Block(INDEX, lambda n: (n.angles + 1,), [own("factor_lower_start", MARKET, "")]),
    Block(INDEX, lambda n: (n.factor_lower_entries,), [own("factor_lower_index", MARKET, "")]),
    Block(INDEX, lambda n: (n.angles + 1,), [own("factor_upper_start", MARKET, "")]),
    Block(INDEX, lambda n: (n.factor_upper_entries,), [own("factor_upper_index", MARKET, "")]),
    Block(
        INT,
        lambda n: (n.row_capacity,),
        [own("cold_columns", MARKET, "basis that every engine can start from")],
    ),
    Block(INDEX, lambda n: (n.buses + 2,), [own("neighbour_start", MARKET, "")]),
    Block(
        INDEX,
        lambda n: (2 * n.lines,),
        [own("neighbour", MARKET, "lines in service at each bus: the other end")],
    ),
    Block(
        INT,
        lambda n: (n.row_capacity, LOCAL),
        [
            own("moved_column", THREAD, "columns that a direction of the kept duals moves"),
            own("moved_site", THREAD, "their sites"),
            own("moved_bus", THREAD, "buses whose price it moves"),
        ],
    ),
    Block(
        INT, lambda n: (LANES, n.row_capacity), [own("proof.tight_line", EIGHT, "lines at a limit, sorted")]
    ),
    Block(
        INT,
        lambda n: (LANES,),
        [
            own("proof.tight_count", EIGHT, "lines that the round takes to be at a limit"),
            own("proof.tight_found", EIGHT, "those of them met so far"),
            own("proof.is_astray", EIGHT, "1 where a line is beyond its limit, or at it and not among them"),
        ],
    ),
    Block(INT, lambda n: (2 * LANES,), [own("addresses", THREAD, "of compiled functions, see `by_address`")]),
]

# arrays of the caller's, lent for a batch: (rounds, …) numbers of the rounds, and where their outcomes go
CALLED = (
    "in_price", "in_mw", "in_slope", "in_fixed", "in_limit", "out_accepted", "out_lmp", "out_low", "out_high",
    "out_flow",
)  # fmt: skip
INFO = (  # what is said of each round: rows of one array
    Field("status", ROUND, ""),
    Field("residual", ROUND, "worst residual over its tolerance"),
    Field("ties", ROUND, "columns and limits that could move at no cost"),
    Field("freedom", ROUND, "rows less rank: directions in which prices are free"),
    Field("unpriced", ROUND, "components without a price"),
    Field("steps", ROUND, "pivots"),
    Field("binding", ROUND, "lines at a limit"),
)
