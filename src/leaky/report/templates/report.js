"use strict";
(() => {
  const { dark, panels } = JSON.parse(document.getElementById("figures").textContent);
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const coarse = matchMedia("(pointer: coarse)").matches;
  const config = {
    responsive: true, displaylogo: false, displayModeBar: coarse ? false : "hover",
    showSendToCloud: false, plotlyServerURL: "",  // plotly.js 4 offers an upload by default
    typesetMath: false,
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  };
  const hidden = new Set();
  let printing = false;

  const themed = (value, map) =>
    typeof value === "string" ? (map[value] ?? value)
    : Array.isArray(value) ? value.map((item) => themed(item, map))
    : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, themed(v, map)]))
    : value;

  const draw = (element) => {
    const map = prefersDark.matches && !printing ? dark : {};
    const { data, layout } = panels[element.id];
    const figure = element.closest("figure").id;
    const traces = data.map((trace) => ({ ...themed(trace, map), visible: !hidden.has(`${figure} ${trace.legendgroup}`) }));
    const dragmode = coarse ? false : "zoom";  // a finger that scrolls the page must not zoom the plot
    Plotly.react(element, traces, { ...themed(layout, map), dragmode, autosize: true }, config);
  };
  const drawAll = () => document.querySelectorAll(".plot[id]").forEach(draw);

  drawAll();
  prefersDark.addEventListener("change", drawAll);

  for (const [event, state] of [["beforeprint", true], ["afterprint", false]]) {
    addEventListener(event, () => {
      printing = state;
      document.documentElement.classList.toggle("printing", state);
      drawAll();
      document.querySelectorAll(".plot[id]").forEach((element) => Plotly.Plots.resize(element));
    });
  }

  for (const key of document.querySelectorAll(".legend button")) {
    key.addEventListener("click", () => {
      const figure = key.closest("figure");
      const name = `${figure.id} ${key.dataset.group}`;
      const off = !hidden.delete(name);
      if (off) hidden.add(name);
      key.setAttribute("aria-pressed", String(!off));
      figure.querySelectorAll(".plot[id]").forEach(draw);
    });
  }

  const copy = document.getElementById("copy");
  copy?.addEventListener("click", async () => {
    const command = document.getElementById("command");
    try {
      await navigator.clipboard.writeText(command.textContent);
    } catch {
      getSelection().selectAllChildren(command);
      document.execCommand("copy");
    }
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });
  globalThis.leakyReport = { panels, draw };  // for scripts that change what is drawn
})();
