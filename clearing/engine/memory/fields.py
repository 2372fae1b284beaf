"""The declared layout: every field of the engine's store, whose it is, and what it means.

The store is generated from this table. Compiled code says ``s.reduced_cost[j]`` for an array and
``s.basis_size`` for a number; a name with an owner, as ``s.qp.row_dual``, is scratch of the methods of that
folder. Names in one :func:`lent` share memory: none of them is in use while another one is.

*Columns* are first the orders, then the controllable links, in layers (see `column_layout`) with columns of 0
MW between, then one place per row of the working basis (the limits of binding lines, which move in the ratio
test like orders do). A *slot* is a row that is known: a balance, or a line that has been at a limit. Rows
that are worked on eight numbers at a time have a length that is a multiple of eight.
"""

from __future__ import annotations

from clearing.engine.memory.declare import EIGHT, MARKET, ROUND, THREAD, Field, lent, own

NUMBERS = (  # kept as integers
    Field("basis_size", THREAD, "rows in the working basis; 0 where there is none"),
    Field("slots", THREAD, "slots in use"),
    Field("pivots", THREAD, "pivots so far"),
    Field("inverse_age", THREAD, "pivots since the last factorisation"),
    Field("round_count", THREAD, "rounds solved"),
    Field("working_rows", ROUND, "rows of the working set of a book with slopes"),
    Field("is_careful", ROUND, "1 where a round looks at all its lines, 0 where eight do so together"),
    Field("bounds_activity_kept", ROUND, "1 while nothing has moved since the basis was placed"),
    Field("injection_kept", THREAD, "1 while `site_injection` is that of all columns, but for basic ones"),
    Field("interior_count", THREAD, "interior columns of the last recomputation"),
    Field("limits_stale", THREAD, "1 where demand or limits changed since the slots' limits were set"),
    Field("cache_state", THREAD, "1 while an active set's elimination is kept, −1 if it has none, or 0"),
    Field("cache_rows", THREAD, "its rows"),
    Field("cache_columns", THREAD, "its columns"),
    Field("cache_own_rows", THREAD, "its rows that are no twins of earlier ones"),
    Field("directions_disjoint", THREAD, "1 where no row has a part in two directions of its duals"),
    Field("directions_unfelt", THREAD, "1 where none moves a reduced cost or a price that anybody pays"),
    Field("twins_felt", THREAD, "1 where it matters to a price how twins share their dual"),
    Field("duals_kept", THREAD, "1 while `kept_dual` holds for `kept_cost` and `kept_sides`"),
    Field("anchor_size", THREAD, "size of the basis of average numbers, 0 not yet, −1 not found"),
    Field("anchor_round", THREAD, "round in which it was looked for"),
    Field("has_averages", THREAD, "1 where there are averages"),
    Field("was_sloped", THREAD, "1 where the last round had slopes"),
    Field("is_warm", THREAD, "1 while the simplex could go on, see `warm_continuation`"),
    Field("changed_count", ROUND, "columns in `changed_columns`; −1 where there are many"),
    Field("bids_valid", THREAD, "1 where the last round's numbers were such as a book may hold"),
)  # fmt: skip

AMOUNTS = (  # kept as floats
    Field("least_reduced_cost", THREAD, "the least at the end of the last round, while `is_warm`"),
    Field("greatest_price", THREAD, "greatest |price| of the orders of the last round"),
    Field("greatest_mw", THREAD, "and their greatest quantity"),
    Field("greatest_other_mw", THREAD, "greatest |fixed demand|, lower limit, or limit of a link"),
    Field("greatest_fixed", THREAD, "greatest |fixed demand| of a bus"),
    Field("fixed_demand", THREAD, "fixed demand of all buses together"),
    Field("fixed_supply", THREAD, "what others inject in any case"),
    Field("greatest_stated_price", ROUND, "greatest |price| + slope·MW on what can be traded"),
    Field("withdrawable", MARKET, "what sales can withdraw, all together [MW]"),
)  # fmt: skip

COLUMN = [
    own("cost", ROUND, "price for sales, −price for purchases, 0 for links [$/MWh]"),
    own("slope", ROUND, "[$/MW²h], ≥ 0"),
    own("lower", MARKET, "least MW"),
    own("upper", ROUND, "greatest MW"),
    own("working_cost", THREAD, "cost that a method sees: perturbed, or law 4's demand criterion"),
    lent(
        ("working_lower", "bounds that the simplex sees, or those of a tied face"),
        ("qp.packed_lower", "of the columns that move"),
        ("qp.held_dispatch", "of the held columns, when the rows last lacked little"),
        whose=THREAD,
    ),
    lent(("working_upper", "the upper ones"), ("qp.packed_upper", "of the columns that move"), whose=THREAD),
    lent(
        ("reduced_cost", "behind the columns the duals of the rows"),
        ("qp.column_price", "what the rows' duals make a column's MW worth"),
        ("tie.column_price", "the same on a tied face"),
        whose=THREAD,
    ),
    own("dispatch", ROUND, "[MW]"),
    lent(
        ("lp.pivot_row", ""),
        ("qp.price_rate", "how column prices change along the duals' way"),
        ("tie.price_rate", "the same on a tied face"),
        ("proof.reduced_cost_rate", "how reduced costs fall along a direction of the duals"),
    ),
    lent(
        ("lp.breakpoint", "dual step at which each reduced cost reaches 0"),
        ("qp.breakpoint", "length at which each column meets its next kink"),
        ("qp.curvature", "1/slope of a column inside its bounds, or its average nearby"),
        ("qp.packed_answer", "of the columns that move, at the start of the way"),
        ("tie.vertex", "dispatch from which law 4 starts"),
        ("canonical.kept_dispatch", "dispatch to compare with"),
    ),
    lent(
        ("lp.move", "+1 at the lower bound, −1 at the upper, 0 basic or fixed"),
        ("qp.solution", "right side and solution of the working set's equations"),
        ("qp.packed_speed", "of the answers of the columns that move"),
        ("canonical.equation_solution", ""),
        whose=THREAD,
    ),
    own("perturbation", MARKET, "deterministic, in [½, 1]"),
    lent(
        ("canonical.interior_dispatch", "of the interior columns, packed"),
        ("qp.lower_kink", "price at which a column leaves its lower bound"),
        ("qp.packed_curvature", "of the listed columns"),
        ("qp.response_change", "price rate × what a column answers more at the end of the way"),
        ("tie.start", "where the columns of the face stood"),
    ),
    lent(
        ("canonical.solution", "dispatch by complete pivoting, packed"),
        ("canonical.answer", "what interior columns answer to the duals, packed"),
        ("canonical.equation_right", ""),
        ("qp.packed_move", "scaled entries, or moves, of the columns inside"),
        ("qp.packed_scaled", "scaled entries of the listed columns"),
        ("qp.entry_kink", "length at which a column leaves its lower bound or reaches it"),
        ("tie.direction", "way to the goal, packed"),
    ),
    lent(
        ("qp.upper_kink", "price at which a column reaches its upper bound"),
        ("qp.packed_rate", "price rate of the columns that move"),
        ("tie.free_curvature", "1/curve of the columns inside their bounds"),
        ("canonical.interior_cost", "packed"),
    ),
    lent(
        ("qp.inverse_slope", "0 for step orders, or 1/slope of their bands, and fixed columns"),
        ("tie.inverse_weight", "1/curve of law 4's squares; 0 for a column that cannot move"),
        ("canonical.inverse_slope", "of the interior columns, packed"),
    ),
    own("mode", THREAD, "slopes: +1 at the lower bound, −1 at the upper, 0 inside, HELD, FIXED"),
    own("sign", MARKET, "+1 sale or link, −1 purchase, 0 where there is no column"),
    own("mean_cost", THREAD, "running averages, see `starting_basis`"),
    own("mean_upper", THREAD, ""),
    own("looked_dispatch", THREAD, "sloped books: dispatch at the last look at the candidate lines"),
    own("is_demand", MARKET, "1 for demand, 0 for all other columns"),
]  # fmt: skip

SITE = [  # sites of the columns, see `column_layout`
    own("site_injection", THREAD, "what the columns inject; within a round, those at a bound [MW]"),
    own("looked_injection", THREAD, "the same of all columns at the last look at the candidate lines"),
    own("site_price", ROUND, "price; of a link what it earns per MW"),
    own("site_row", ROUND, "a row or a sum of rows"),
]  # fmt: skip

BOOK = [  # numbers of the round in the order of the book
    own("bid_price", THREAD, "[$/MWh]"),
    own("bid_mw", THREAD, "greatest MW"),
    own("bid_min_mw", MARKET, "least MW"),
    own("bid_side", MARKET, "+1 sale, −1 purchase"),
    own("short_price", ROUND, "numbers of books of fewer than eight orders, filled up with zeros"),
    own("short_mw", ROUND, ""),
    own("block_sales", THREAD, "what eight orders can sell, one place for each eight [MW]"),
    own("block_purchases", THREAD, "and buy"),
]

SLOT = [  # balance rows first, then candidate lines
    own("base_flow", ROUND, "flow at zero dispatch [MW]; 0 for balance rows"),
    own("flow_lower", ROUND, "least flow; net fixed demand for balance rows"),
    own("flow_upper", ROUND, "greatest flow"),
    own("warm_dual", THREAD, "sloped books: dual of the last round, kept as a start"),
    own("room", THREAD, "at least so far from a limit at the last look at the line [MW]"),
    own("flow_reach", THREAD, "greatest change of the flow per MW by which columns move"),
    own("looked_flow", ROUND, "flows of the lines looked at, less what demand and shifters cause"),
    own("twin_sense", THREAD, "+1 where the row is that of its twin, −1 where it is the opposite"),
    own(
        "standing_flow",
        ROUND,
        "what columns that stand still give to the row, where `seen` says that it is so",
    ),
    own("face_dual", ROUND, "duals of the lines at a limit before law 4 moves tied orders"),
    own("heat", THREAD, "looks for which the line, which has bound, is still a candidate"),
]

SLOT_INT = [
    own("slot_line", THREAD, "line of the slot, −1 for balance rows"),
    own("slot_row", THREAD, "place in the working basis, −1 if none"),
    own("slot_component", THREAD, ""),
    own("look_list", ROUND, "slots to be looked at"),
    own(
        "twin",
        THREAD,
        "slot of the first line known that has the same row in every column, or the opposite one",
    ),
    own("twin_row", ROUND, "place of a line of that kind among the rows"),
    own(
        "seen",
        THREAD,
        "last round in which the line was computed; sloped books: 1 where `standing_flow` holds",
    ),
    own("near_bits", THREAD, "of each eight slots the first: those of lines at a limit beside the basis"),
    own(
        "twin_felt",
        THREAD,
        "what is known of the line and its first twin, see `dual_nullspace.twins_felt`; 0 nothing",
    ),
]

ROW = [
    lent(
        ("lp.right_side", "right-hand side minus the nonbasic columns"),
        ("qp.right_side", "each row's limit less what the columns at bounds contribute"),
        ("qp.imbalance", "what each row lacks"),
        ("tie.dual_step", ""),
        whose=THREAD,
    ),
    lent(
        ("lp.basic_value", "values of the basic columns"),
        ("qp.row_dual", "[$/MWh]"),
        ("proof.row_used", "1 where a direction has a part in the row"),
    ),
    lent(
        ("lp.pivot_weight", "pivot row in terms of the active rows"),
        ("qp.sweep_column", ""),
        ("tie.gradient", "of the dual function"),
        ("tie.multiplier", ""),
        ("canonical.elimination_row", ""),
        ("proof.moved_dual", "right side, then duals after a step along several directions"),
    ),
    lent(
        ("lp.basic_cost", ""),
        ("lp.new_row", "entries of the new line in the basic columns"),
        ("lp.entering_step", "entering column in terms of the basic ones"),
        ("qp.dual_direction", ""),
        ("tie.dual_direction", ""),
        ("canonical.right_side", "limit of each row less fixed demand and columns at a bound"),
    ),
    lent(
        ("dual", "of each row of the active set [$/MWh]"),
        ("qp.dual_shift", "how far a row's dual is from where the sweeps see it"),
    ),
    lent(
        ("lp.edge_norm", "squares of the dual steepest edge's norms"),
        ("canonical.reduced_right", "right side on the way through an elimination"),
        ("canonical.is_free", "1 for a row that is no pivot yet"),
        ("proof.forward", "half-solved equations"),
        ("proof.null_row", "null vector"),
    ),
    lent(
        ("lp.entering_entry", "entries of the entering column in the rows"),
        ("qp.sweep_row", ""),
        ("qp.regularisation", "added to the diagonal"),
        ("tie.wish", "steepness of the pivot columns"),
        ("canonical.half_solved", "solution of one triangle"),
        ("proof.support_entry", "entries of a direction where it is not 0"),
        ("proof.step", "length along each direction"),
    ),
    own("bounds_activity", ROUND, "what columns at a bound give to the rows, see `bounds_activity_kept`"),
    own("norm_weight", THREAD, "what the square of a row's dual counts in the norm of law 5"),
    own("elimination_inverse", THREAD, "of the pivots of the elimination that is kept"),
    own("kept_cost", THREAD, "costs of the interior columns of the last prices that are kept"),
    own("kept_dual", THREAD, "and their duals"),
]  # fmt: skip

ROW_INT = [
    lent(
        ("basis_slot", "slot of the row"),
        ("qp.chosen", "columns with curvature, or those that move"),
        ("qp.inside", "columns inside their bounds"),
        ("canonical.step_place", "places of step orders among the interior columns"),
        whose=THREAD,
    ),
    own("basis_side", THREAD, "+1 at the upper limit, −1 at the lower, 0 equality"),
    lent(
        ("basic_column", ""),
        ("qp.held", "step orders held at their price"),
        ("canonical.held", "interior step orders"),
        whose=THREAD,
    ),
    own("active_rows", THREAD, "slots of the final active set: balances, then lines in order"),
    own("interior_columns", THREAD, "sorted interior columns"),
    lent(
        ("row_order", "rows of an elimination by complete pivoting"),
        ("qp.exceeded", "slots beyond a limit"),
        ("qp.is_solved", "1 where a row is among the solved ones"),
        ("tie.free_rows", ""),
        ("canonical.priced_rows", ""),
    ),
    own("active_side", THREAD, "of the active rows: +1 at the upper limit, −1 at the lower, 0 both"),
    lent(
        ("qp.row_slot", "rows of the working set"),
        ("tie.row_slot", "rows of a tied face"),
        ("proof.support_slot", "rows in which a direction of the duals is not 0"),
        ("proof.gram_order", "rows of its equations"),
    ),
    lent(("qp.row_side", "side of the limit"), ("tie.row_side", "the same")),
    lent(
        ("column_order", "columns of an elimination by complete pivoting"),
        ("qp.blocks", "first columns of eight: those that may move, and behind them the others"),
    ),
    own("step_columns", ROUND, "step orders among the interior columns"),
    own("own_rows", THREAD, "rows that are no twins of earlier ones"),
    own("kept_rows", THREAD, "the active set that is kept"),
    own("kept_columns", THREAD, ""),
    own("elimination_order", THREAD, "its rows in the order of the elimination"),
    own("first_twin", THREAD, "of each row the first among its twins"),
    own("is_still", THREAD, "1 for a direction of its duals that moves no reduced cost"),
    own("kept_sides", THREAD, "sides of the last prices that are kept"),
    own(
        "moved_column_count", THREAD, "columns that a direction moves, as listed; −1 where they are too many"
    ),
    own("moved_bus_count", THREAD, "and buses"),
    own("anchor_slot", THREAD, "the basis of average numbers"),
    own("anchor_column", THREAD, ""),
    own("anchor_side", THREAD, ""),
]

BUS = [
    own("net_demand", ROUND, "net fixed demand, shunts included [MW]"),
    own("injection", ROUND, "[MW]"),
    own("bus_angle", ROUND, "[rad]"),
    own("lmp", ROUND, "price [$/MWh]"),
    own("price_weight", ROUND, "served demand; 1 in an island where nothing is served"),
    lent(("grid.work", "permuted right side of a sparse solve")),
    lent(("grid.right_side", ""), ("proof.lmp_rate", "how prices change along a direction of the duals")),
    own("inverse_susceptance_sum", MARKET, "1 / sum of |susceptances| at the bus, 0 where there is none"),
    own("has_demand", MARKET, "1 where orders of the bus are demand"),
    own("susceptance_sum", MARKET, "sum of susceptances at the bus"),
]

LINE = [
    own("susceptance", MARKET, "[MW/rad]"),
    own("line_lower", ROUND, "least flow [MW]"),
    own("line_upper", ROUND, "greatest flow"),
    own("shift_flow", MARKET, "flow at zero injection by phase shifters"),
    own("line_flow", ROUND, "[MW]"),
    own("angle_lower", MARKET, "limits by angle alone, for rounds that bring their own thermal limits"),
    own("angle_upper", MARKET, ""),
]

PROVEN = [
    own("proof.tolerance", EIGHT, "primal tolerance [MW]"),
    own("proof.mw_scale", EIGHT, "greatest MW of a column or of fixed demand"),
    own("proof.price_scale", EIGHT, "greatest price or shadow price"),
    own("proof.bound_violation", EIGHT, "sums over the columns of the round, see `certificate`"),
    own("proof.stationarity", EIGHT, "greatest excess of a column"),
    own("proof.slackness", EIGHT, ""),
    own("proof.turnover", EIGHT, ""),
    own("proof.net_cost", EIGHT, ""),
    own("proof.not_finite", EIGHT, "not finite where something is not"),
    own("proof.worst", EIGHT, "worst residual over its tolerance"),
    own("proof.tie_width", EIGHT, "reduced costs and shadow prices of no more are none"),
]
