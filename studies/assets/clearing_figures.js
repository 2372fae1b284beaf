"use strict";
// The figures of a clearing, drawn from the document's data (arrays are [period][item]).

const D = JSON.parse(document.getElementById("data").textContent);
const S = D.style;
const FONT = { family: getComputedStyle(document.body).fontFamily, size: 14, color: S.ink };
const CONFIG = { responsive: true, displaylogo: false, scrollZoom: true,
  modeBarButtons: [["toImage"], ["pan2d", "zoom2d"], ["zoomIn2d", "zoomOut2d", "resetScale2d"]], toImageButtonOptions: { filename: D.name, scale: 2 } };
const QUIET = { ...CONFIG, scrollZoom: false, displayModeBar: false };
const FEW = 20, WIDTHS = 6, TAGS = 20;

function webgl() {
  try { return Boolean(document.createElement("canvas").getContext("webgl")); } catch { return false; }
}
const SCATTER = D.webgl && webgl() ? "scattergl" : "scatter";

function safe(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
const dollars = (value) => `${formatNumber(value, 2)} $/MWh`;
const megawatts = (value) => `${formatNumber(value, 1)} MW`;

function busText(k, t) {
  const b = D.bus, lines = [`<b>Bus ${safe(b.label[k])}</b>`, `price <b>${dollars(b.lmp[t][k])}</b>`];
  if (b.low && b.low[t][k] !== b.high[t][k]) {
    lines.push(`interval ${formatNumber(b.low[t][k], 2)} to ${dollars(b.high[t][k])}`);
  }
  if (b.lmp[t][k] !== null && b.energy[t][k] !== null) {
    lines.push(`energy ${formatNumber(b.energy[t][k], 2)}, congestion ${formatNumber(b.lmp[t][k] - b.energy[t][k], 2)}`);
  }
  lines.push(`generation ${megawatts(b.generation[t][k])}`, `demand ${megawatts(b.demand[t][k])}`);
  return lines.join("<br>");
}

function branchText(l, t) {
  const r = D.branch, b = D.bus.label;
  const lines = [`<b>Branch ${safe(r.label[l])}</b>`, `${safe(b[r.from[l]])} → ${safe(b[r.to[l]])}`];
  if (!r.on[l]) return [...lines, "out of service"].join("<br>");
  lines.push(`flow ${megawatts(r.flow[t][l])}`);
  lines.push(r.limit[t][l] === null ? "no limit" : `limit ${megawatts(r.limit[t][l])}, loading ${formatNumber(100 * r.loading[t][l], 1)} %`);
  if (r.shadow[t][l] > 0) lines.push(`<b>shadow price ${dollars(r.shadow[t][l])}</b>`, `rent ${formatNumber(r.rent[t][l], 2)} $`);
  return lines.join("<br>");
}

function linkText(l, t) {
  const r = D.link, b = D.bus.label;
  return `<b>Link ${safe(r.label[l])}</b><br>${safe(b[r.from[l]])} → ${safe(b[r.to[l]])}<br>` +
    `flow ${megawatts(r.flow[t][l])}, ${formatNumber(r.min[l], 1)} to ${megawatts(r.max[l])}`;
}

// Lines of one width as one trace, ends separated by gaps.
function lines(ends, style, extra) {
  const x = [], y = [];
  for (const [from, to] of ends) {
    x.push(D.bus.x[from], D.bus.x[to], null);
    y.push(D.bus.y[from], D.bus.y[to], null);
  }
  return { type: SCATTER, mode: "lines", x, y, line: style, hoverinfo: "skip", showlegend: false, ...extra };
}

function branchTraces(t) {
  const r = D.branch, binding = new Set(D.binding[t]), bins = Array.from({ length: WIDTHS }, () => []);
  const widths = r.width[t], least = Math.min(...widths), most = Math.max(...widths, least + 1e-9);
  const off = [];
  r.from.forEach((from, l) => {
    if (!r.on[l]) { off.push([from, r.to[l]]); return; }
    if (binding.has(l)) return;
    const bin = Math.min(WIDTHS - 1, Math.floor(WIDTHS * (widths[l] - least) / (most - least)));
    bins[bin].push([from, r.to[l]]);
  });
  const traces = bins.map((ends, bin) => {
    const share = (bin + 0.5) / WIDTHS, shade = (a, z) => Math.round(a + (z - a) * share);
    const color = `rgb(${shade(205, 92)},${shade(212, 107)},${shade(219, 122)})`;
    return lines(ends, { width: least + (most - least) * share, color });
  });
  traces.push(lines(off, { width: 1, color: S.faint, dash: "dot" }));
  traces.push(lines(D.link.from.map((from, l) => [from, D.link.to[l]]), { width: 1.8, color: S.ink, dash: "dash" }));
  const ends = D.binding[t].map((l) => [r.from[l], r.to[l]]);
  traces.push(lines(ends, { width: Math.max(most * 1.2, 3.5), color: S.binding }));
  return traces;
}

function middles(from, to, text) {
  const x = from.map((b, l) => (D.bus.x[b] + D.bus.x[to[l]]) / 2), y = from.map((b, l) => (D.bus.y[b] + D.bus.y[to[l]]) / 2);
  return { type: SCATTER, mode: "markers", x, y, marker: { size: 12, color: S.muted, opacity: 0 },
    hoverinfo: "text", hovertext: text, showlegend: false };
}

function busTrace(t) {
  const b = D.bus, few = b.label.length <= FEW;
  const net = b.generation[t].map((g, k) => g - b.demand[t][k]);
  const priced = b.lmp[t].map((v) => v !== null);
  const single = D.single[t] && D.periods === 1;
  const marker = {
    size: b.size[t], symbol: net.map((v, k) => (v > 1e-6 ? "square" : "circle") + (priced[k] ? "" : "-open")),
    line: { color: S.ink, width: b.label.length <= 400 ? 1 : 0.3 }, opacity: 1,
    color: single ? S.calm : b.lmp[t].map((v) => (v === null ? S.low : v)),
  };
  if (!single) {
    Object.assign(marker, { colorscale: S.scale, cmin: S.low, cmax: S.high, showscale: true,
      colorbar: { title: { text: "$/MWh" + (S.cut ? "<br>(ends cut)" : ""), side: "top" }, thickness: 14, len: 0.8, outlinewidth: 0, x: 1.01 } });
  }
  return { type: SCATTER, mode: few ? "markers+text" : "markers", x: b.x, y: b.y, marker,
    text: few ? b.label.map((name, k) => `<b>${safe(name)}</b>${single ? "" : "<br>" + formatNumber(b.lmp[t][k], 2)}`) : undefined,
    textposition: b.y.map((y) => (y > 0.5 ? "top center" : "bottom center")), textfont: { size: 14 }, cliponaxis: false,
    hoverinfo: "text", hovertext: b.label.map((_, k) => busText(k, t)), showlegend: false };
}

function tagTrace(t) {
  const r = D.branch, chosen = D.binding[t].slice(0, TAGS);
  const trace = middles(chosen.map((l) => r.from[l]), chosen.map((l) => r.to[l]), chosen.map((l) => branchText(l, t)));
  return { ...trace, type: "scatter", mode: "markers+text", text: chosen.map((_, k) => `<b>${k + 1}</b>`),
    textfont: { size: 12, color: S.binding },
    marker: { size: 19, color: "#ffffff", opacity: 1, line: { color: S.binding, width: 1.6 } } };
}

// Axis ranges that fill the figure, the drawing stretched no more than it may be.
function gridRanges() {
  const box = document.getElementById("grid").getBoundingClientRect(), [wide, high] = D.bus.span;
  const room = 1 + 2 * (D.bus.label.length <= FEW ? 0.16 : 0.03);
  const fill = [box.width / (wide * room), box.height / (high * room)];
  const scale = fill.map((own, k) => Math.min(own, D.bus.stretch * fill[1 - k]));
  const half = [box.width / scale[0] / wide / 2, box.height / scale[1] / high / 2];
  return half.map((h) => [0.5 - h, 0.5 + h]);
}

function drawGrid(t) {
  const r = D.branch;
  const traces = [...branchTraces(t), middles(r.from, r.to, r.from.map((_, l) => branchText(l, t))),
    middles(D.link.from, D.link.to, D.link.from.map((_, l) => linkText(l, t))), busTrace(t), tagTrace(t)];
  const [across, up] = gridRanges();
  const axis = (range) => ({ visible: false, range, uirevision: "kept" });
  Plotly.react("grid", traces, {
    font: FONT, margin: { l: 8, r: 8, t: 8, b: 8 }, dragmode: "pan", hovermode: "closest", hoverdistance: 14,
    xaxis: axis(across), yaxis: axis(up), uirevision: "kept",
    hoverlabel: { bgcolor: "#ffffff", bordercolor: S.muted, font: { ...FONT, size: 14 }, align: "left" },
  }, CONFIG);
}

function frame(x, y) {
  const axis = { gridcolor: "#eef1f4", zerolinecolor: S.faint, linecolor: S.muted, ticks: "outside", tickcolor: S.muted, automargin: true };
  return { font: FONT, margin: { l: 62, r: 14, t: 10, b: 50 }, hovermode: "closest",
    xaxis: { ...axis, title: { text: x }, separatethousands: true }, yaxis: { ...axis, title: { text: y } },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
    hoverlabel: { bgcolor: "#ffffff", bordercolor: S.muted, font: FONT } };
}

function drawCurves(t) {
  const c = D.curves[t], traces = [];
  const hover = "%{x:,.1f} MW<br>%{y:,.2f} $/MWh<extra>%{fullData.name}</extra>";
  traces.push({ x: c.supply[0], y: c.supply[1], mode: "lines", name: "supply", line: { color: S.supply, width: 3 }, hovertemplate: hover });
  const [mw, price] = c.demand;
  if (mw.length > 1 || mw[0] > 0) {
    const top = mw[0] > 0 ? Math.max(c.y[1], price[0]) : price[0];
    traces.push({ x: [mw[0], ...mw, mw[mw.length - 1]], y: [top, ...price, Math.min(0, c.y[0])], mode: "lines", name: "demand",
      line: { color: S.demand, width: 3 }, hovertemplate: hover });
  }
  if (!D.single[t] && c.low !== null) {
    traces.push({ x: [c.served, c.served], y: [c.low, c.high], mode: "lines", name: "range of nodal prices",
      line: { color: "rgba(27,39,51,0.3)", width: 9 }, hovertemplate: hover });
  }
  if (c.mean !== null) {
    traces.push({ x: [c.served], y: [c.mean], mode: "markers", name: D.single[t] ? "clearing" : "mean price",
      marker: { size: 12, color: S.ink, line: { color: "#fff", width: 2 } }, hovertemplate: hover });
  }
  const layout = frame("MW", "$/MWh");
  layout.xaxis.range = c.x; layout.yaxis.range = c.y;
  Plotly.react("curves", traces, layout, QUIET);
}

function drawHistory(t, choose) {
  const h = D.history, x = h.mean.map((_, k) => k), step = { shape: "hvh" };
  const layout = frame("period", "$/MWh");
  layout.shapes = [{ type: "line", x0: t, x1: t, yref: "paper", y0: 0, y1: 1, line: { color: S.ink, width: 1.5, dash: "dot" } }];
  layout.xaxis.zeroline = false;
  layout.xaxis.dtick = D.periods <= 12 ? 1 : undefined;
  layout.hovermode = "x unified";
  const hover = "%{y:,.2f} $/MWh";
  Plotly.react("history", [
    { x, y: h.low, name: "lowest", mode: "lines", line: { ...step, width: 0.5, color: S.supply }, hovertemplate: hover, showlegend: false },
    { x, y: h.high, name: "highest", mode: "lines", line: { ...step, width: 0.5, color: S.supply }, fill: "tonexty",
      fillcolor: "rgba(0,114,178,0.16)", hovertemplate: hover, showlegend: false },
    { x, y: h.mean, name: "mean", mode: "lines+markers", line: { ...step, width: 3, color: S.supply }, marker: { size: 5 }, hovertemplate: hover, showlegend: false },
  ], layout, QUIET).then((plot) => {
    if (!plot.listens) { plot.listens = true; plot.on("plotly_click", (event) => choose(event.points[0].x)); }
  });
}

function drawMoney() {
  const rows = D.money.shares, names = rows.map(([name]) => name);
  const layout = frame("$", "");
  layout.margin.l = 140;
  layout.yaxis = { ...layout.yaxis, autorange: "reversed", title: { text: "" }, ticks: "" };
  layout.showlegend = false;
  const top = Math.max(0, ...rows.map(([, start, amount]) => Math.max(start, start + amount)));
  const bottom = Math.min(0, ...rows.map(([, start, amount]) => Math.min(start, start + amount)));
  layout.xaxis.range = [bottom - 0.02 * (top - bottom), top + 0.24 * (top - bottom)];
  Plotly.react("money", [{ type: "bar", orientation: "h", y: names, base: rows.map(([, start]) => start), x: rows.map(([, , amount]) => amount),
    marker: { color: names.map((name) => D.money.colours[name] || S.muted) }, cliponaxis: false,
    text: rows.map(([, , amount]) => `${formatNumber(amount, top >= 100 ? 0 : top >= 10 ? 2 : 4)} $`), textposition: "outside", textfont: { color: S.ink },
    hovertemplate: "%{y}: %{x:,.2f} $<extra></extra>" }], layout, QUIET);
}
