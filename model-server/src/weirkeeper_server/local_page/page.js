"use strict";

// Text from the bundle and from answers goes into the page by textContent alone, never as HTML.
const byId = (id) => document.getElementById(id);
const POLL_MILLISECONDS = 2000;
const WIDEST_FORM = 64;
let told = null;

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function fill(table, heads, rows) {
  const head = element("tr");
  heads.forEach((text) => head.append(element("th", text)));
  table.replaceChildren(...(heads.length ? [head] : []), ...rows.map((cells) => {
    const row = element("tr");
    cells.forEach((cell) => {
      if (cell instanceof Node) row.append(cell);
      else row.append(element("td", cell, typeof cell === "number" ? "number" : ""));
    });
    return row;
  }));
}

const short = (value) => (typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value);

function showCard(bundle) {
  const versions = Object.entries(bundle.versions).map(([name, version]) => `${name} ${version}`).join(", ");
  fill(byId("card"), [], [
    ["Runtime", bundle.runtime],
    ["Made with", versions],
    ["Classes", (bundle.classes ?? []).join(", ") || "–"],
    ["Reference rows", bundle.referenceRows],
    ["Golden requests", bundle.golden.length],
    ["sha256", element("td", bundle.sha256, "digest")],
  ]);
  fill(byId("performance"), bundle.performance.length ? ["Offline", "Value", "95 %", "Rows"] : [],
    bundle.performance.map((one) => [
      one.metric, one.value.toPrecision(4), one.ci95.map((end) => end.toPrecision(4)).join(" – "),
      `${one.rows} ${one.measuredOn === "HeldOut" ? "held out" : "of the sample"}`,
    ]));
}

function showSignature(bundle) {
  const described = (kind) => (one) =>
    [kind, one.name, one.datatype, `[${one.shape.map((size) => (size < 0 ? "rows" : size)).join(", ")}]`,
      one.nullable ? "may lack" : ""];
  fill(byId("signature"), ["", "Name", "Datatype", "Shape", ""], [
    ...bundle.signature.inputs.map(described("in")), ...bundle.signature.outputs.map(described("out")),
  ]);
}

function control(tensor, label, known) {
  let made;
  if (tensor.datatype === "BOOL") {
    made = element("select");
    ["false", "true"].forEach((value) => made.append(element("option", value)));
  } else {
    made = element("input");
    made.autocomplete = "off";
    if (tensor.datatype !== "BYTES") made.inputMode = "decimal";
    if (tensor.nullable) made.placeholder = "nothing";
    if (tensor.datatype === "BYTES" && known.length) {
      const list = element("datalist");
      list.id = `known ${label}`.replaceAll(/\s/g, "-");
      known.forEach((value) => { const option = element("option"); option.value = value; list.append(option); });
      made.setAttribute("list", list.id);
      byId("inputs").append(list);
    }
  }
  made.setAttribute("aria-label", label);
  return made;
}

function fields(bundle) {
  byId("inputs").replaceChildren();
  for (const tensor of bundle.signature.inputs) {
    const width = tensor.shape.length === 1 ? 1 : tensor.shape[1];
    tensor.controls = [];
    // A wide matrix has one field for all its numbers.
    const count = width > WIDEST_FORM ? 1 : width;
    for (let number = 0; number < count; number += 1) {
      const label = tensor.shape.length === 1 ? tensor.name : count === width ? `${tensor.name}[${number}]` : tensor.name;
      const row = element("label", undefined, "field");
      const caption = element("span", label);
      caption.append(" ", element("small", count === width ? tensor.datatype : `${width} × ${tensor.datatype}, by commas`));
      const made = control(tensor, label, bundle.known[label] ?? []);
      made.addEventListener("input", showRequest);
      row.append(caption, made);
      byId("inputs").append(row);
      tensor.controls.push(made);
    }
  }
}

function fillIn(golden) {
  for (const tensor of told.bundle.signature.inputs) {
    const given = golden.request.inputs.find((one) => one.name === tensor.name)?.data.flat() ?? [];
    const texts = given.map((value) => (value === null ? "" : String(value)));
    const single = tensor.controls.length === 1;
    tensor.controls.forEach((one, number) => { one.value = single ? texts.join(", ") : texts[number] ?? ""; });
  }
  byId("answer").replaceChildren();
  showRequest();
}

function value(tensor, text, label) {
  if (text === "" && tensor.nullable) return null;
  if (tensor.datatype === "BYTES") return text;
  if (tensor.datatype === "BOOL") return text === "true";
  const number = Number(text);
  if (text.trim() === "" || Number.isNaN(number)) throw new Error(`${label}: ${text || "nothing"} is no number`);
  return number;
}

function request() {
  return {
    inputs: told.bundle.signature.inputs.map((tensor) => {
      const wide = tensor.shape.length === 2 && tensor.controls.length === 1 && tensor.shape[1] > 1;
      const texts = wide ? tensor.controls[0].value.split(",").map((text) => text.trim())
        : tensor.controls.map((one) => one.value);
      return {
        name: tensor.name,
        datatype: tensor.datatype,
        shape: tensor.shape.length === 1 ? [1] : [1, tensor.shape[1]],
        data: texts.map((text) => value(tensor, text, tensor.name)),
      };
    }),
  };
}

const address = () => `/v2/models/${encodeURIComponent(told.model)}/infer`;

function showRequest() {
  try {
    const body = JSON.stringify(request()).replaceAll("'", "'\\''");
    byId("curl").textContent = `curl ${location.origin}${address()} \\\n  --data '${body}'`;
  } catch (error) {
    byId("curl").textContent = error.message;
  }
}

function outputRows(output) {
  const data = output.data.flat();
  const classes = told.bundle.classes;
  const likely = output.shape.length === 2 && classes && classes.length === data.length;
  return data.map((value, number) => {
    const label = likely ? `${output.name}: ${classes[number]}` : data.length > 1 ? `${output.name}[${number}]` : output.name;
    const cell = element("td", String(short(value)), typeof value === "number" ? "number" : "");
    const bar = element("td");
    if (likely) {
      const meter = element("meter");
      meter.value = value;
      meter.setAttribute("aria-label", label);
      bar.append(meter);
    }
    return [label, cell, bar];
  });
}

async function ask(event) {
  event.preventDefault();
  const answer = byId("answer");
  try {
    const start = performance.now();
    const response = await fetch(address(), { method: "POST", body: JSON.stringify(request()) });
    const document = await response.json();
    const milliseconds = (performance.now() - start).toFixed(0);
    if (!response.ok) throw new Error(`${response.status}: ${document.error}`);
    const table = element("table");
    fill(table, [], document.outputs.flatMap(outputRows));
    answer.replaceChildren(table, element("small", `${document.model_version}, ${milliseconds} ms`));
  } catch (error) {
    answer.replaceChildren(element("p", error.message, "error"));
  }
  await poll();
}

function bars(reference, live) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  const total = (counts) => counts.reduce((sum, count) => sum + count, 0) || 1;
  const shares = [reference, live].map((counts) => counts.map((count) => count / total(counts)));
  const highest = Math.max(...shares.flat(), 1e-9);
  drawing.setAttribute("viewBox", `0 0 ${reference.length} 1`);
  drawing.setAttribute("preserveAspectRatio", "none");
  shares.forEach((counts, kind) => counts.forEach((share, bin) => {
    const bar = document.createElementNS(space, "rect");
    const size = { x: bin + (kind ? 0.3 : 0.05), y: 1 - share / highest, width: kind ? 0.4 : 0.9, height: share / highest };
    Object.entries(size).forEach(([name, number]) => bar.setAttribute(name, number));
    bar.setAttribute("class", kind ? "live" : "reference");
    drawing.append(bar);
  }));
  const cell = element("td");
  cell.append(drawing);
  return cell;
}

function showCounts(counts) {
  byId("state").textContent = counts.state;
  byId("state").className = counts.state;
  byId("message").textContent = [counts.reason, counts.message].filter(Boolean).join(": ");
  byId("send").disabled = counts.state !== "Ready";
  const mean = counts.meanSeconds === null ? "–" : `${(counts.meanSeconds * 1000).toFixed(1)} ms`;
  fill(byId("outcomes"), ["ok", "invalid", "failed", "Rows", "Mean time"],
    [[counts.outcomes.ok, counts.outcomes.invalid, counts.outcomes.failed, counts.rows, mean]]);
  if (!told?.bundle) return;
  const single = Object.entries(counts.inputs).filter(([name]) => name in told.bundle.reference);
  fill(byId("features"), ["Input", "Values", "Missing", "Unseen", ""], single.map(([name, one]) => [
    name, one.counts.reduce((sum, count) => sum + count, 0), one.missing, one.unseen,
    bars(told.bundle.reference[name], one.counts),
  ]));
}

async function describe() {
  told = await (await fetch("/.page/bundle")).json();
  document.title = `${told.model} – Weirkeeper`;
  byId("model").textContent = `${told.model} ${told.revision}`;
  if (!told.bundle) return;
  showCard(told.bundle);
  showSignature(told.bundle);
  fields(told.bundle);
  byId("golden").replaceChildren(...told.bundle.golden.map((one, number) => {
    const option = element("option", one.name || String(number));
    option.value = number;
    return option;
  }));
  if (told.bundle.golden.length) fillIn(told.bundle.golden[0]);
}

async function poll() {
  try {
    if (!told?.bundle) await describe();
    showCounts(await (await fetch("/.page/counts")).json());
  } catch {
    byId("state").textContent = "nobody answers";
    byId("state").className = "Failed";
    byId("send").disabled = true;
  }
}

byId("form").addEventListener("submit", ask);
byId("golden").addEventListener("change", () => fillIn(told.bundle.golden[Number(byId("golden").value)]));
poll();
setInterval(poll, POLL_MILLISECONDS);
