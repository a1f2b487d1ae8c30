"use strict";

// Draws each canvas with a data-chart. The colours are the style sheet's, also when the theme
// changes; the same numbers stand in a table beside each chart.

const SEGMENTS = { high: "High", medium: "Medium", low: "Low", at_risk: "At risk" };
const drawn = new Map();

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function tone(segment) {
  return colour(segment.replace("_", "-"));
}

function day(ms) {
  return new Date(ms).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
}

function number(value) {
  return value.toLocaleString("en-US");
}

function axis(title, more = {}) {
  return {
    title: { display: Boolean(title), text: title, color: colour("muted") },
    ticks: { color: colour("muted"), maxRotation: 0, autoSkipPadding: 16, ...more.ticks },
    border: { display: false },
    ...more,
    grid: { color: colour("line"), ...more.grid },
  };
}

// Vertical lines with a name, between two bars.
const marks = {
  id: "marks",
  afterDatasetsDraw(chart, _, { lines = [] }) {
    const { ctx, chartArea, scales } = chart;
    const width = scales.x.getPixelForValue(1) - scales.x.getPixelForValue(0);
    ctx.save();
    ctx.font = `600 12px ${Chart.defaults.font.family}`;
    ctx.textAlign = "center";
    for (const { at, label } of lines) {
      const x = scales.x.getPixelForValue(0) - width / 2 + at * width;
      ctx.strokeStyle = ctx.fillStyle = colour("text");
      ctx.setLineDash([4, 3]);
      ctx.beginPath();
      ctx.moveTo(x, chartArea.top);
      ctx.lineTo(x, chartArea.bottom);
      ctx.stroke();
      ctx.fillText(label, x, chartArea.top - 6);
    }
    ctx.restore();
  },
};

const KINDS = {
  histogram(data) {
    return {
      type: "bar",
      data: {
        labels: data.labels,
        datasets: [{ data: data.values, backgroundColor: colour("accent"), borderRadius: 3, categoryPercentage: 1, barPercentage: 0.86 }],
      },
      options: {
        layout: { padding: { top: 20 } },
        scales: { x: axis("Score", { grid: { display: false } }), y: axis("Customers", { beginAtZero: true, ticks: { precision: 0, color: colour("muted") } }) },
        plugins: { marks: { lines: data.lines }, tooltip: { callbacks: { title: ([item]) => `Score ${item.label}`, label: (item) => `${number(item.raw)} customers` } } },
      },
      plugins: [marks],
    };
  },

  trend(data) {
    return {
      type: "line",
      data: {
        labels: data.times.map(day),
        datasets: data.series.map(({ name, values }) => ({
          label: SEGMENTS[name],
          data: values,
          borderColor: tone(name),
          backgroundColor: tone(name),
          borderWidth: 2.5,
          pointRadius: data.times.length > 30 ? 0 : 3,
          pointHitRadius: 12,
        })),
      },
      options: {
        interaction: { mode: "index", intersect: false },
        scales: { x: axis("", { grid: { display: false } }), y: axis("Customers", { beginAtZero: true, ticks: { precision: 0, color: colour("muted") } }) },
        plugins: { tooltip: { callbacks: { label: (item) => ` ${item.dataset.label}: ${number(item.raw)}` } } },
      },
    };
  },

  pairs(data) {
    const bars = (label, values, name) => ({ label, data: values, backgroundColor: colour(name), borderRadius: 3 });
    return {
      type: "bar",
      data: { labels: data.labels, datasets: [bars("Predicted", data.predicted, "accent"), bars("Actual", data.actual, "low")] },
      options: {
        scales: { x: axis("Tenth of the customers", { grid: { display: false } }), y: axis("Mean revenue", { beginAtZero: true }) },
        plugins: { tooltip: { callbacks: { title: ([item]) => `Tenth ${item.label}`, label: (item) => ` ${item.dataset.label}: ${number(item.raw)}` } } },
      },
    };
  },

  history(data) {
    const first = data.times[0];
    const last = data.times[data.times.length - 1];
    return {
      type: "line",
      data: {
        datasets: [{
          data: data.times.map((x, index) => ({ x, y: data.values[index] })),
          borderColor: colour("accent"),
          pointBackgroundColor: data.segments.map(tone),
          pointBorderColor: data.segments.map(tone),
          pointRadius: 5,
          pointHoverRadius: 6,
          borderWidth: 2.5,
          stepped: "before",
          clip: 8,
        }],
      },
      options: {
        scales: {
          x: axis("", { type: "linear", min: first, max: last, grid: { display: false }, ticks: { color: colour("muted"), callback: day, maxTicksLimit: 5, maxRotation: 0 } }),
          y: axis("Score", { min: 0, max: 100 }),
        },
        plugins: { tooltip: { callbacks: { title: ([item]) => day(item.parsed.x), label: (item) => ` ${item.parsed.y.toFixed(1)}, ${SEGMENTS[data.segments[item.dataIndex]].toLowerCase()}` } } },
      },
    };
  },
};

function draw(canvas) {
  const data = JSON.parse(canvas.dataset.chart);
  const made = KINDS[data.kind](data);
  made.options = {
    ...made.options,
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    plugins: { legend: { display: false }, ...made.options.plugins },
  };
  drawn.get(canvas)?.destroy();
  drawn.set(canvas, new Chart(canvas, made));
}

function drawAll() {
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  document.querySelectorAll("canvas[data-chart]").forEach(draw);
}

document.addEventListener("DOMContentLoaded", drawAll);
document.addEventListener("htmx:afterSettle", drawAll);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
