"use strict";
// The page of a clearing: tables and figures that follow the period slider.

const byId = (name) => document.getElementById(name);

function busRows(t) {
  const b = D.bus;
  return b.label.map((name, k) => {
    const lmp = b.lmp[t][k], energy = b.energy[t][k];
    const interval = b.low ? [b.low[t][k], b.high[t][k]] : [];
    return [name, lmp, ...interval, energy, lmp === null || energy === null ? null : lmp - energy, b.generation[t][k], b.demand[t][k]];
  });
}

function branchRows(t, chosen) {
  const r = D.branch, b = D.bus.label;
  return chosen.map((l, k) => [l, k]).filter(([l]) => r.on[l]).map(([l]) => [
    r.label[l], b[r.from[l]], b[r.to[l]], r.flow[t][l], r.limit[t][l],
    r.loading[t][l] === null ? null : 100 * r.loading[t][l], r.shadow[t][l], r.rent[t][l],
  ]);
}

function orderRows(t) {
  const o = D.orders, rows = [];
  o.row.forEach((row, k) => {
    if (o.period[k] !== t) return;
    rows.push([o.order[row], o.participant[row], o.unit[row], o.bus[row], o.sell[k] ? "sell" : "buy", o.offered[k], o.accepted[k], o.asked[k], o.slope[k], o.price[k], o.paid[k], o.gain[k]]);
  });
  return rows;
}

const BUS_COLUMNS = [{ name: "bus" }, { name: "price $/MWh", digits: 2 },
  ...(D.bus.low ? [{ name: "lowest", digits: 2 }, { name: "highest", digits: 2 }] : []),
  { name: "energy", digits: 2 }, { name: "congestion", digits: 2 }, { name: "generation MW", digits: 1 }, { name: "demand MW", digits: 1 }];
const BRANCH_COLUMNS = [{ name: "branch" }, { name: "from" }, { name: "to" }, { name: "flow MW", digits: 1 },
  { name: "limit MW", digits: 1 }, { name: "loading %", digits: 1 }, { name: "shadow price $/MWh", digits: 2 }, { name: "rent $", digits: 2 }];
const ORDER_COLUMNS = [{ name: "order" }, { name: "participant" }, { name: "unit" }, { name: "bus" }, { name: "side" },
  { name: "offered MW", digits: 1 }, { name: "accepted MW", digits: 1 }, { name: "own price $/MWh", digits: 2 },
  { name: "slope $/MW²h", digits: 4 }, { name: "price at bus", digits: 2 }, { name: "money $", digits: 2 }, { name: "surplus $", digits: 2 }];

const PARTICIPANT_COLUMNS = [{ name: "participant" }, { name: "sold MWh", digits: 1 }, { name: "bought MWh", digits: 1 }, { name: "receives $", digits: 2 },
  { name: "pays $", digits: 2 }, { name: "cost $", digits: 2 }, { name: "value $", digits: 2 }, { name: "uplift $", digits: 2 }, { name: "surplus $", digits: 2 }];

const numbered = [{ name: "no." }, ...BRANCH_COLUMNS];
const bindingRows = (t) => branchRows(t, D.binding[t]).map((row, k) => [k + 1, ...row]);
const everyBranch = D.branch.label.map((_, l) => l);

const tables = [
  { host: "binding-table", caption: "Binding branches", columns: numbered, rows: bindingRows },
  { host: "bus-table", caption: "Buses", columns: BUS_COLUMNS, rows: busRows },
  { host: "branch-table", caption: "Branches", columns: BRANCH_COLUMNS, rows: (t) => branchRows(t, everyBranch) },
  { host: "order-table", caption: "Orders", columns: ORDER_COLUMNS, rows: orderRows },
].filter((table) => byId(table.host));

function show(t) {
  byId("period").value = String(t);
  byId("period-now").textContent = `${t} of 0 to ${D.periods - 1}`;
  drawGrid(t);
  drawCurves(t);
  if (D.periods > 1) drawHistory(t, show);
  for (const table of tables) {
    if (table.made) table.made.update(table.rows(t));
    else table.made = makeTable(byId(table.host), table.caption, table.columns, table.rows(t));
  }
}

byId("period").addEventListener("input", (event) => show(Number(event.target.value)));
window.addEventListener("beforeprint", () => {
  document.querySelectorAll(".js-plotly-plot").forEach((plot) => Plotly.Plots.resize(plot));
});
show(D.focus);
if (D.money.shares.length) drawMoney();
makeTable(byId("participant-table"), "Participants", PARTICIPANT_COLUMNS, D.money.participants[0].map((_, k) => D.money.participants.map((column) => column[k])));
document.documentElement.dataset.ready = "yes";
