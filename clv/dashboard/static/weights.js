"use strict";

// Gives each weight a slider, and lets the two others share what is left of 100 % in proportion
// when one is moved.

const fields = [...document.querySelectorAll(".weight input")];
const sliders = fields.map((field) => {
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: 0, max: 100, step: 1, value: field.value });
  slider.setAttribute("aria-label", `${field.name} as a slider`);
  field.before(slider);
  return slider;
});

function share(moved) {
  const others = fields.filter((field) => field !== moved);
  const left = 100 - Number(moved.value);
  const sum = others.reduce((total, field) => total + Number(field.value), 0);
  const first = sum ? Math.round((left * Number(others[0].value)) / sum) : Math.round(left / 2);
  others[0].value = first;
  others[1].value = left - first;
}

sliders.forEach((slider, index) => {
  slider.addEventListener("input", () => {
    fields[index].value = slider.value;
    share(fields[index]);
    sliders.forEach((other, place) => { other.value = fields[place].value; });
  });
  fields[index].addEventListener("input", () => { slider.value = fields[index].value; });
});
