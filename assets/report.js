"use strict";
// The numbers under the pointer: in the chart it is over, with a line at the same step in all others.
(() => {
  const svgElement = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const text = (value) => {
    if (value === null) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e9)) return value.toExponential(2).replace("e+", "e");
    return value.toLocaleString("en", { maximumSignificantDigits: 4 });
  };
  const charts = [...document.querySelectorAll("figure.chart")].map((figure) => {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const svg = figure.querySelector("svg");
    const [width, left, right, top, bottom, lowX, highX, lowY, highY] = data.frame;
    const x = (step) => left + ((step - lowX) / (highX - lowX)) * (right - left);
    const y = (value) => {
      const share = data.log ? Math.log(value / lowY) / Math.log(highY / lowY) : (value - lowY) / (highY - lowY);
      return bottom - share * (bottom - top);
    };
    const hair = svgElement("g", {});
    svg.append(hair);
    const nearest = (step) => {
      let low = 0, high = data.steps.length - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (data.steps[middle] < step) low = middle; else high = middle;
      }
      return step - data.steps[low] <= data.steps[high] - step ? low : high;
    };
    const clear = () => {
      hair.replaceChildren();
      figure.querySelector(".tip")?.remove();
    };
    const show = (step, withNumbers) => {
      clear();
      const at = nearest(step), here = x(data.steps[at]);
      hair.append(svgElement("path", { class: "hair", d: `M${here} ${top}V${bottom}` }));
      let sum = 0;
      const rows = [];
      for (const series of data.series) {
        const value = series.values[at];
        if (value === null || (data.log && value <= 0)) continue;
        sum += value;
        const level = y(data.stacked ? sum : value);
        if (level >= top - 1 && level <= bottom + 1)
          hair.append(svgElement("circle", { class: `dot c${series.colour}`, cx: here, cy: level, r: 3.5 }));
        rows.push([series, value]);
      }
      if (!withNumbers) return;
      const tip = document.createElement("div");
      tip.className = "tip";
      const title = document.createElement("b");
      title.textContent = `step ${Math.round(data.steps[at]).toLocaleString("en")}`;
      tip.append(title);
      if (data.stacked) rows.reverse();
      for (const [series, value] of rows) {
        const row = document.createElement("div"), key = document.createElement("i"), number = document.createElement("span");
        key.className = `areakey c${series.colour}`;
        number.textContent = `${text(value)} ${data.unit}`;
        row.append(key, series.name, number);
        tip.append(row);
      }
      figure.append(tip);
      const box = svg.getBoundingClientRect(), outer = figure.getBoundingClientRect();
      const px = box.left - outer.left + (here / width) * box.width;
      tip.style.left = `${px + 14 + tip.offsetWidth > outer.width - 8 ? px - 14 - tip.offsetWidth : px + 14}px`;
      tip.style.top = `${box.top - outer.top + 12}px`;
    };
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * width;
      if (at < left - 8 || at > right + 8) return leave();
      const step = lowX + ((at - left) / (right - left)) * (highX - lowX);
      for (const chart of charts) chart.show(step, chart.svg === svg);
    });
    svg.addEventListener("pointerleave", () => leave());
    return { svg, show, clear };
  });
  const leave = () => charts.forEach((chart) => chart.clear());
})();
