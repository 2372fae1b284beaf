"""MATPOWER's names of the columns of its tables (functions `idx_bus`, `idx_gen`, … and `define_constants`).

Source: MATPOWER User's Manual 8.0, tables B-1 to B-5. Columns count from 1.
"""

from __future__ import annotations


def _numbered(first: int, names: str) -> dict[str, int]:
    return {name: first + k for k, name in enumerate(names.split())}


INDEX_FUNCTIONS: dict[str, dict[str, int]] = {
    "idx_bus": _numbered(1, "PQ PV REF NONE")
    | _numbered(
        1, "BUS_I BUS_TYPE PD QD GS BS BUS_AREA VM VA BASE_KV ZONE VMAX VMIN LAM_P LAM_Q MU_VMAX MU_VMIN"
    ),
    "idx_gen": _numbered(1, "GEN_BUS PG QG QMAX QMIN VG MBASE GEN_STATUS PMAX PMIN")
    | _numbered(22, "MU_PMAX MU_PMIN MU_QMAX MU_QMIN")
    | _numbered(11, "PC1 PC2 QC1MIN QC1MAX QC2MIN QC2MAX RAMP_AGC RAMP_10 RAMP_30 RAMP_Q APF"),
    "idx_brch": _numbered(1, "F_BUS T_BUS BR_R BR_X BR_B RATE_A RATE_B RATE_C TAP SHIFT BR_STATUS")
    | _numbered(14, "PF QF PT QT MU_SF MU_ST")
    | _numbered(12, "ANGMIN ANGMAX")
    | _numbered(20, "MU_ANGMIN MU_ANGMAX"),
    "idx_cost": _numbered(1, "PW_LINEAR POLYNOMIAL") | _numbered(1, "MODEL STARTUP SHUTDOWN NCOST COST"),
    "idx_ct": _numbered(1, "CT_LABEL CT_PROB CT_TABLE")
    | _numbered(1, "CT_TBUS CT_TGEN CT_TBRCH CT_TAREABUS CT_TAREAGEN CT_TAREABRCH")
    | _numbered(4, "CT_ROW CT_COL CT_CHGTYPE")
    | _numbered(1, "CT_REP CT_REL CT_ADD")
    | _numbered(7, "CT_NEWVAL")
    | _numbered(7, "CT_TLOAD CT_TAREALOAD")
    | _numbered(1, "CT_LOAD_ALL_PQ CT_LOAD_FIX_PQ CT_LOAD_DIS_PQ CT_LOAD_ALL_P CT_LOAD_FIX_P CT_LOAD_DIS_P")
    | _numbered(9, "CT_TGENCOST CT_TAREAGENCOST")
    | {"CT_MODCOST_F": -1, "CT_MODCOST_X": -2},
}
"""Per function its outputs in order, which a file may give other names."""

DCLINE = _numbered(
    1,
    "F_BUS T_BUS BR_STATUS PF PT QF QT VF VT PMIN PMAX QMINF QMAXF QMINT QMAXT LOSS0 LOSS1 MU_PMIN MU_PMAX "
    "MU_QMINF MU_QMAXF MU_QMINT MU_QMAXT",
)
"""The fields of the struct that `idx_dcline` gives."""

COLUMN_NAMES = {
    "bus": {column: name for name, column in list(INDEX_FUNCTIONS["idx_bus"].items())[4:]},
    "gen": {column: name for name, column in INDEX_FUNCTIONS["idx_gen"].items()},
    "branch": {column: name for name, column in INDEX_FUNCTIONS["idx_brch"].items()},
    "dcline": {column: name for name, column in DCLINE.items()},
}
"""Per table the name of each column, for messages."""
