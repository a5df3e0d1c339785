"use strict";
(() => {
  const { panels, draw } = globalThis.leakyReport;
  const { formulas, drawn, low, high, count, side } = globalThis.leaky;
  const beside = (at) => side * Math.max(1, Math.abs(at));
  const told = (number) => String(Number(number.toPrecision(4)));

  // Lines between the kinks and dots at them, as report/activation/curves.py makes them.
  const marks = ({ entry, straight }, values) => {
    const f = formulas[entry];
    const kinks = [...new Set(f.edges(...values))].filter((at) => low < at && at < high).sort((a, b) => a - b);
    const ends = [low, ...kinks, high];
    const line = { x: [], value: [], derivative: [] };
    for (let piece = 0; piece + 1 < ends.length; piece += 1) {
      const [left, right] = [ends[piece], ends[piece + 1]];
      const steps = straight ? 1 : Math.max(2, Math.round(count * (right - left) / (high - low)) - 1);
      if (piece) { line.x.push(left); line.value.push(null); line.derivative.push(null); }
      for (let step = 0; step <= steps; step += 1) {
        const at = left + (right - left) * step / steps;
        const inside = Math.min(Math.max(at, left + beside(left)), right - beside(right));
        line.x.push(at);
        for (const name of ["value", "derivative"]) {
          const y = f[name](inside, ...values);
          line[name].push(Number.isFinite(y) ? y : null);
        }
      }
    }
    const empty = () => ({ x: [], y: [], text: [] });
    const dots = { value: [empty(), empty()], derivative: [empty(), empty()] };
    const add = (set, x, y, text) => { set.x.push(x); set.y.push(y); set.text.push(text); };
    for (const at of kinks) {
      const slopes = [f.left(at, ...values), f.derivative(at, ...values), f.right(at, ...values)];
      const heights = [at - beside(at), at, at + beside(at)].map((x) => f.value(x, ...values));
      const same = 1e-6, close = 1e-6 * Math.max(1, Math.abs(heights[1]));
      if (Math.abs(slopes[2] - slopes[0]) < same && Math.abs(heights[2] - heights[0]) < close) continue;
      add(dots.value[0], at, heights[1], `kink at ${told(at)}: f = ${told(heights[1])}`);
      add(dots.derivative[0], at, slopes[1], `f′(${told(at)}) = ${told(slopes[1])}`);
      for (const [place, words] of [[0, "left"], [2, "right"]]) {
        for (const [name, found, reach] of [["derivative", slopes, same], ["value", heights, close]]) {
          if (Math.abs(found[place] - found[1]) > reach) add(dots[name][1], at, found[place], `from the ${words} ${told(found[place])}`);
        }
      }
    }
    return { line, dots };
  };

  const redraw = (place, values, label) => {
    const made = marks(drawn[place], values);
    ["value", "derivative"].forEach((name, panel) => {
      const id = `functions-${panel}`;
      const [line, filled, open] = panels[id].data.filter((trace) => trace.legendgroup === String(place));
      Object.assign(line, { x: made.line.x, y: made.line[name], name: label });
      Object.assign(filled, made.dots[name][0], { name: label });
      Object.assign(open, made.dots[name][1], { name: label });
      draw(document.getElementById(id));
    });
    const key = document.querySelector(`.legend button[data-group="${place}"]`);
    key.replaceChildren(key.querySelector("svg"), label);
  };

  for (const form of document.querySelectorAll("form.controls")) {
    const place = Number(form.dataset.place);
    const { entry, names } = drawn[place];
    const rows = names.map((name) => form.querySelector(`[data-parameter="${name}"]`));
    const message = form.querySelector("output");

    const update = () => {
      const values = rows.map((row) => row.tagName === "SELECT" ? row.value : row.valueAsNumber);
      const outside = rows.find(({ dataset, valueAsNumber: at, tagName }) => tagName !== "SELECT" && !(
        Number.isFinite(at) && !(at <= Number(dataset.above ?? NaN)) && !(at < Number(dataset.least ?? NaN))));
      const wrong = outside ? `\`${outside.dataset.parameter}\` must be ${outside.dataset.domain}` : formulas[entry].refuses(...values);
      message.textContent = wrong ?? "";
      if (wrong !== null) return;
      const text = values.map((value, i) => `${names[i]}=${typeof value === "string" ? `'${value}'` : value}`);
      redraw(place, values, `${entry}(${text.join(", ")})`);
    };

    for (const row of rows) {
      row.addEventListener("input", update);
      const slider = form.querySelector(`[data-slides="${row.dataset.parameter}"]`);
      if (!slider) continue;
      slider.addEventListener("input", () => {  // round numbers, whatever the bits of the step
        row.value = String(Number(slider.valueAsNumber.toPrecision(6)));
        update();
      });
      row.addEventListener("input", () => { if (Number.isFinite(row.valueAsNumber)) slider.value = row.value; });
    }
    form.addEventListener("reset", () => setTimeout(update));
    form.addEventListener("submit", (event) => event.preventDefault());
  }
})();
