"""Statuses that functions of the engine return, and numbers that several of them share."""

BIG = 1e300  # stands for "no breakpoint": infinities would forbid some vectorised reductions
HOT = 1000.0  # rounds in which a line that has bound is looked at before the simplex ends
BLOCK = 32  # columns that a search for breakpoints looks at together

# of a round
OK = 0
INFEASIBLE = 1
FAILED = 2  # not proven: send it to another solver
BAD_INPUT = 3
STALLED = 12
SINGULAR = 13
MORE_LINES = 14
REFACTOR = 15  # the inverse is old or looks unsafe: factorise and go on

# those that every caller hands on to Python, which does what they ask for and resumes
GROW_ROWS = 100  # work arrays too small
GROW_SLOTS = 101
LOAD = 102  # and those after it: a function that is called by address is not loaded yet
