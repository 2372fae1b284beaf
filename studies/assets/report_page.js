"use strict";
// The page of a study: its charts and tables, from the document's data.

const D = JSON.parse(document.getElementById("data").textContent);
const FONT = { family: getComputedStyle(document.body).fontFamily, size: 14, color: "#1b2733" };
const CONFIG = { responsive: true, displaylogo: false,
  modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]] };

for (const chart of D.charts) {
  const host = document.getElementById(chart.id);
  host.style.height = `${chart.layout.height || 420}px`;
  Plotly.newPlot(host, chart.data, { ...chart.layout, font: FONT, paper_bgcolor: "#fff", plot_bgcolor: "#fff",
    hoverlabel: { bgcolor: "#ffffff", bordercolor: "#5f6b78", font: FONT, align: "left" } },
  { ...CONFIG, toImageButtonOptions: { filename: chart.id, scale: 2 } });
}
for (const table of D.tables) {
  makeTable(document.getElementById(table.id), table.title, table.columns, table.rows);
}
document.documentElement.dataset.ready = "yes";
