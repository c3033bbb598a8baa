// Numbers, times and elements: small things that all parts use.

const byId = (id) => document.getElementById(id);

// Makes an element with attributes and text or children; text is only ever text.
const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

const trimmed = (n, digits) => String(Number(n.toFixed(digits)));

// 1234567 -> "1.23 M"; below ten thousand every digit counts.
const count = (n) => {
  if (n === null || n === undefined) return "–";
  if (n < 10) return trimmed(n, 1);
  if (n < 1e4) return Math.round(n).toLocaleString("en");
  for (const [limit, unit] of [[1e6, "k"], [1e9, "M"], [1e12, "G"]]) {
    if (n < limit) {
      const scaled = n / (limit / 1e3);
      return `${scaled < 100 ? scaled.toPrecision(3) : Math.round(scaled)} ${unit}`;
    }
  }
  return n.toExponential(2);
};

const bytes = (n) => {
  if (n === null || n === undefined) return "–";
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (n < 1024) return `${n < 10 && unit !== "B" ? n.toFixed(1) : Math.round(n)} ${unit}`;
    n /= 1024;
  }
  return `${n.toFixed(1)} TiB`;
};

const duration = (us) => {
  if (us === null || us === undefined) return "–";
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 1e6) return `${trimmed(us / 1e3, us < 1e4 ? 1 : 0)} ms`;
  return `${trimmed(us / 1e6, 1)} s`;
};

const uptime = (ms) => {
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
};

const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

// A pill that says how a connection is.
const setState = (pill, text, state, words) => {
  pill.dataset.state = state;
  setText(text, words);
};

