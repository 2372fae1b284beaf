"""Names of the rows of the engine's arrays.

Everything a compiled function needs lives in a few matrices whose rows are fields; the constants
below name them. Columns of `col` are first the orders, then the controllable links ("columns" of
the market's linear program), in layers (see `layout`) with columns of 0 MW between, then one place per row of
the working basis (the limits of binding lines, which move in the ratio test like orders do).
"""

BLOCK = 32  # columns that the simplex looks at together
HOT = 1000.0  # rounds in which a line that has bound is looked at before the simplex ends

BIG = 1e300  # stands for "no breakpoint": infinities would forbid some vectorised reductions

# col (float): the book and the working values of the dual simplex
COST = 0  # price for sales, −price for purchases, 0 for links [$/MWh]
SLOPE = 1  # [$/MW²h], ≥ 0
LOW = 2  # least MW
HIGH = 3  # greatest MW
COSTP = 4  # cost the simplex sees: perturbed, or that of the demand criterion of law 4
LOWP = 5  # bounds the simplex sees
HIGHP = 6
RED = 7  # reduced cost; for rows: the dual value
X = 8  # dispatch
ALPHA = 9  # pivot row
RATIO = 10  # breakpoints of the ratio test
DIR = 11  # +1 at the lower bound, −1 at the upper, 0 basic or fixed
JITTER = 12  # deterministic perturbation in [½, 1]
TMP = 13
TMP2 = 14
GOAL = 15  # criterion of the second level of law 4
PREV = 16  # 1 / slope of the quadratic programs; 0 for step orders and fixed columns
MODE = 17  # sloped books: +1 at the lower bound, −1 at the upper, 0 inside, HELD, FIXED; kept as a start
SIGN = 18  # +1 sale or link, −1 purchase, 0 where there is no column
MEANCOST = 19  # running averages, see `start`
MEANHIGH = 20
WAS = 21  # sloped books: dispatch at the last look at the candidate lines
BUYER = 22  # 1 for demand, 0 for all other columns
N_COL = 23

# habit (float): pivots that each start takes (see `start`), and
LEAST = 2  # the least reduced cost at the end of the last round, while `state` says READY
DEAREST = 3  # greatest |price| and quantity of the orders of the last round
MOST = 4
BESIDE = 5  # greatest |fixed demand| of a bus or lower limit of a column, or limit of a link
SERVED = 6  # fixed demand of all buses together, SUPPLIED what others inject in any case; greatest of a bus
SUPPLIED = 7
FIXED = 8
STATED = 9  # greatest price that an order states on what can be traded of it: |price| + slope·MW
WITHDRAWN = 10  # what sales can withdraw, all together
N_HABIT = 16

# site (float): sites of the columns, see `layout`
NET = 0  # what the columns inject, all layers together; while a round is solved, only those at a bound [MW]
NOWNET = 1  # the same of all columns at the last look at the candidate lines
WORTH = 2  # price; of a link what it earns per MW
SHARE = 3  # a row or a sum of rows
N_SITE = 4

# book (float): numbers of the round in the order of the book
SAID = 0  # price [$/MWh]
ASKED = 1  # greatest MW
FLOOR = 2  # least MW
WAY = 3  # +1 sale, −1 purchase
SHORTSAID = 4  # numbers of books of fewer than eight orders, filled up with zeros
SHORTASKED = 5
SELLING = 6  # what eight orders can sell, and buy, one place for each eight
BUYING = 7
N_BOOK = 8

# icol (int)
HEAD = 0  # bus that receives the column's MW; number of buses = none
TAIL = 1  # bus that gives them up
KIND = 2  # −1 demand (a purchase of a unit that does not sell), +1 any other order, 0 link
COMP = 3  # component of the column
BUS = 4  # bus of an order
N_ICOL = 5

# slot (float): balance rows first, then candidate lines
BASE = 0  # flow at zero dispatch [MW]; 0 for balance rows
FLO = 1  # least flow; net fixed demand for balance rows
FHI = 2  # greatest flow
DUAL = 3  # sloped books: dual value of the last round, kept as a start
ROOM = 4  # at least so far from a limit at the last look at the line [MW]
REACH = 5  # greatest change of the flow per MW by which columns move
LOOKED = 6  # flows of the lines looked at, less what demand and shifters cause
SENSE = 7  # +1 where the row is that of its twin, −1 where it is the opposite
STOOD = 8  # what columns that stand still give to the row, where `SEEN` says that it is so
FIRM = 9  # sloped books: duals of the lines at a limit before law 4 moves tied orders
HEAT = 10  # looks for which the line, which has bound, is still a candidate
N_SLOT = 11

# islot (int)
LINE = 0  # branch of the slot, −1 for balance rows
ACTIVE = 1  # place in the working basis, −1 if none
SCOMP = 2  # component
LOOK = 3  # list of the slots to be looked at
TWIN = 4  # slot of the first line remembered that has the same row in every column, or the opposite one
MET = 5  # place of a line of that kind among the rows
SEEN = 6  # last round in which the line was computed; sloped books: 1 where `STOOD` holds
NEAR = (
    7  # of each eight slots the first: those of lines at a limit beside the basis, as bits, see `candidates`
)
FELT = 8  # what is known of the line and its first twin among the rows, see `reach.twins_felt`; 0 nothing
N_ISLOT = 9

# row (float)
REST = 0  # right-hand side minus the nonbasic columns
XB = 1  # values of the basic columns
GEE = 2  # pivot row in terms of the active rows
VEC = 3
Y = 4
VEC2 = 5
VEC3 = 6
FRESH = 7  # what columns at a bound give to the rows of the basis, where `state` says that it is so
NORM = 8  # what the square of a row's dual counts in the norm of law 5
INVERSE = 9  # of the pivots of the elimination that is kept
WASCOST = 10  # costs of the interior columns, and duals, of the last prices that are kept
WASDUAL = 11
N_ROW = 12

# irow (int)
ACT = 0  # slot of the row
SIDE = 1  # +1 at the upper limit, −1 at the lower, 0 equality
BAS = 2  # basic column
ROWS = 3  # sorted rows of the final active set
COLS = 4  # sorted interior columns
PERM = 5
PERM2 = 6
TIEROWS = 7
TIESIDES = 8
PERMQ = 9
STEPCOLS = 10
OWN = 11  # rows that are no twins of earlier ones
WASROWS = 12  # the active set that is kept
WASCOLS = 13
ORDER = 14  # its rows in the order of the elimination
FIRST = 15  # of each row the first among its twins
STILL = 16  # 1 for a direction of its duals that moves no reduced cost
WASSIDES = 17  # sides of the last prices that are kept
TOUCHED = 18  # columns and buses that a direction moves, listed in `touch`; −1 where they are too many
MOVED = 19
ANCHORACT = 20  # the basis of average numbers
ANCHORBAS = 21
ANCHORSIDE = 22
N_IROW = 23

FEW = 32  # places of `changed`

# touch (int) and stir (float): what a direction of the duals moves, LOCAL places for each
LOCAL = 16
COLUMN = 0  # column, its site, a bus
SITE = 1
BUS_AT = 2
N_TOUCH = 3
PULL = 0  # by how much the column's reduced cost falls, the price of the bus rises
RISE = 1
N_STIR = 2

# bus (float)
DEMAND = 0  # net fixed demand, shunts included [MW]
INJ = 1
THETA = 2
LAM = 3  # price [$/MWh]
WEIGHT = 4
BTMP = 5
BTMP2 = 6
BSUM = 7  # 1 / sum of |susceptances| at the bus, 0 where there is none
BUYS = 8  # 1 where orders of the bus are demand
JOINED = 9  # sum of susceptances at the bus
N_BUS = 10

# ibus (int)
OF = 0  # component of the bus
ISLE = 1  # its island
UNSET = 2  # of the first places: components of which the round's prices are not set
PULLED = 3  # 1 while the bus has a row in `pull`
N_IBUS = 4

# lin (float)
SUSC = 0  # MW/rad
LFLO = 1
LFHI = 2
SHIFT = 3  # flow at zero injection by phase shifters
FLOW = 4
AFLO = 5  # limits by angle alone, for rounds that bring their own thermal limits
AFHI = 6
N_LIN = 7

# ilin (int)
FROM = 0
TO = 1
SLOT = 2  # −1 if not a candidate
LISL = 3
N_ILIN = 4

# state (int)
SIZE = 0  # rows in the working basis
SLOTS = 1  # slots in use
PIVOTS = 2
AGE = 3  # pivots since the last factorisation
FLIPS = 4
CHECKS = 5
QPS = 6
RULED = 7  # sloped books: rows, and step orders held at their price
HELDS = 8
CAREFUL = 10  # 1 where a round looks at all its lines before it ends, 0 where eight rounds do so together
KEPT = 13  # 1 while row[FRESH] holds: nothing has moved since the basis was placed
INSIDE = 12  # interior columns of the last recomputation
REDONE = 11  # rounds solved again by themselves
STALE = 9  # 1 where demand or limits changed since the candidates' limits were set
KNOWN = 14  # 1 while `known` holds the elimination of an active set, −1 if that one has none, else 0
KNOWNROWS = 15  # its rows, columns, rows that are no twins
KNOWNCOLS = 16
KNOWNOWN = 17
APART = 18  # 1 where no row has a part in two directions of its duals
PLAIN = 19  # 1 where none of these moves a reduced cost or a price that anybody pays
TWINSFELT = 20  # 1 where it matters to a price how twins share their dual
PRICED = 21  # 1 while the duals of the active set's last costs are kept
NOW = 22  # rounds cleared
ANCHOR = 23  # size of the basis of average numbers, 0 before it is looked for, −1 where it was not found
ANCHORED = 24  # when it was
CURVED = 26  # 1 where the last round had slopes
AVERAGED = 25  # 1 where there are averages
READY = 27  # 1 while the simplex could go on where the last round ended, see `few`
CHANGED = (
    28  # columns of orders that are not as in the last round, listed in `changed`; −1 where there are many
)
VALID = 29  # 1 where the prices and quantities of the last round were such as a book may hold
SUMMED = 30  # 1 while site[NET] is what all columns inject, but for basic ones on the way
N_STATE = 32

# note (float): what is known of the eight rounds that are checked together, one place each
TOL = 0  # primal tolerance [MW]
MWSCALE = 1  # greatest MW of a column or of fixed demand
COSTSCALE = 2  # greatest price or shadow price
BOUND = 3  # sums over the columns of the round, see `proof`
STATIONARITY = 4  # greatest excess of a column
SLACKNESS = 5
VOLUME = 6
SPENT = 7
FINITE = 8
WORST = 9  # worst residual over its tolerance
TIED = 10  # tie width: reduced costs and shadow prices of no more are none
N_NOTE = 11

# mark (int)
COUNT = 0  # lines that the round takes to be at a limit
FOUND = 1  # those of them met so far
ASTRAY = 2  # 1 where a line is beyond its limit, or at it and not among them
N_MARK = 3

# info (float): what is said of each round, one row for each
STATUS = 0
RESIDUAL = 1  # worst residual over its tolerance
TIES = 2  # columns and limits that could move at no cost
FREEDOM = 3  # rows less rank: directions in which prices are free
UNPRICED = 4  # components without a price
STEPS = 5  # pivots
BINDING = 6  # lines at a limit
N_INFO = 7

# statuses of a round
OK = 0
INFEASIBLE = 1
FAILED = 2  # not proven: send it to another solver
BAD_INPUT = 3
STALLED = 12
SINGULAR = 13
MORE_LINES = 14
REFACTOR = 15  # the inverse is old or looks unsafe: factorise and go on

# statuses that every caller hands on to Python, which does what they ask for and resumes
GROW_ROWS = 100  # work arrays too small
GROW_SLOTS = 101
LOAD = 102  # and those after it: a function that is called by address is not loaded yet
