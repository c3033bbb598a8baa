// A chart of the last minutes: areas and lines in SVG, with a cursor for the mouse and the keyboard.

const SVG = "http://www.w3.org/2000/svg";
const POINTS_MAX = 180; // seconds
const POINTS_MIN = 60;
const PAD = { left: 52, right: 10, top: 10, bottom: 22 };
const HEIGHT = 168;

const shape = (name, attributes, ...children) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

// The next round number at or above n.
const nice = (n) => {
  const power = 10 ** Math.floor(Math.log10(n));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((k) => k * power).find((k) => k >= n * 0.9999);
};

class Chart {
  // `series`: [{name, area}]; `format` writes a value; `least` is the smallest top of the scale.
  constructor(figure, title, series, format, least) {
    Object.assign(this, { figure, title, series, format, least });
    this.values = series.map(() => []);
    this.cursor = null;
    this.legend = make("span", { class: "legend" });
    this.keys = series.map(({ name }, i) => {
      const value = make("b");
      this.legend.append(make("span", { class: `key s${i}` }, `${name} `, value));
      return value;
    });
    const caption = make("figcaption", {}, make("h2", {}, title), this.legend);
    this.svg = shape("svg", { role: "img", tabindex: "0", height: HEIGHT });
    this.label = shape("title", {});
    this.svg.append(this.label);
    this.grid = shape("g", { class: "grid" });
    this.plot = shape("g", {});
    this.mark = shape("g", { class: "mark", visibility: "hidden" });
    this.svg.append(this.grid, this.plot, this.mark);
    figure.append(caption, this.svg);
    this.listen();
    new ResizeObserver(() => this.draw()).observe(figure);
  }

  listen() {
    this.svg.addEventListener("pointermove", (event) => {
      const x = event.clientX - this.svg.getBoundingClientRect().left;
      const back = Math.round((1 - (x - PAD.left) / this.inner()) * (this.span - 1));
      this.point(back);
    });
    const leave = () => this.point(null);
    this.svg.addEventListener("pointerleave", leave);
    this.svg.addEventListener("blur", leave);
    this.svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: 1, ArrowRight: -1, PageUp: 10, PageDown: -10 }[event.key];
      if (event.key === "Escape") leave();
      if (!step) return;
      event.preventDefault();
      this.point((this.cursor ?? -1) + step);
    });
  }

  inner() {
    return Math.max(10, this.width - PAD.left - PAD.right);
  }

  // Looks at the value `back` seconds ago; null: at the newest.
  point(back) {
    const last = this.values[0].length - 1;
    this.cursor = back === null || last < 0 ? null : Math.max(0, Math.min(back, last));
    this.draw();
  }

  push(...values) {
    values.forEach((value, i) => {
      this.values[i].push(value);
      if (this.values[i].length > POINTS_MAX) this.values[i].shift();
    });
    this.draw();
  }

  x(back) {
    return PAD.left + this.inner() * (1 - back / (this.span - 1));
  }

  draw() {
    const width = this.figure.clientWidth;
    if (!width) return;
    const style = getComputedStyle(this.figure);
    this.width = width - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    this.svg.setAttribute("width", this.width);
    this.span = Math.max(POINTS_MIN, this.values[0].length);
    const all = this.values.flat().filter((v) => v !== null);
    const top = nice(Math.max(this.least, ...all));
    const y = (v) => PAD.top + (HEIGHT - PAD.top - PAD.bottom) * (1 - v / top);
    this.drawGrid(top, y);
    this.plot.replaceChildren();
    this.series.forEach((series, i) => this.drawSeries(series, i, y));
    this.drawMark(y);
    this.tell();
  }

  drawGrid(top, y) {
    this.grid.replaceChildren();
    for (const share of [0, 0.5, 1]) {
      const at = Math.round(y(top * share)) + 0.5;
      const line = { x1: PAD.left, x2: this.width - PAD.right, y1: at, y2: at };
      this.grid.append(shape("line", { ...line, class: share ? "" : "base" }));
      const text = { x: PAD.left - 8, y: at + 4, "text-anchor": "end" };
      this.grid.append(shape("text", text, share ? this.format(top * share) : "0"));
    }
    const ago = this.span < POINTS_MAX ? `${this.span} s ago` : "3 min ago";
    for (const [back, words, anchor] of [[this.span - 1, ago, "start"], [0, "now", "end"]]) {
      const text = { x: this.x(back), y: HEIGHT - 6, "text-anchor": anchor };
      this.grid.append(shape("text", text, words));
    }
  }

  // Runs of values; a second without a measurement breaks the line.
  drawSeries({ area }, i, y) {
    const values = this.values[i];
    let run = [];
    const flush = () => {
      if (run.length === 1) run.push([run[0][0] + 0.8, run[0][1]]);
      if (run.length) {
        const line = run.map(([x, at]) => `${x.toFixed(1)} ${at.toFixed(1)}`).join("L");
        if (area) {
          const [first, last] = [run[0][0].toFixed(1), run.at(-1)[0].toFixed(1)];
          const d = `M${first} ${y(0)}L${line}L${last} ${y(0)}Z`;
          this.plot.append(shape("path", { d, class: `area s${i}` }));
        }
        this.plot.append(shape("path", { d: `M${line}`, class: `line s${i}` }));
      }
      run = [];
    };
    values.forEach((value, n) => {
      if (value === null) return flush();
      run.push([this.x(values.length - 1 - n), y(value)]);
    });
    flush();
  }

  drawMark(y) {
    this.mark.setAttribute("visibility", this.cursor === null ? "hidden" : "visible");
    this.mark.replaceChildren();
    if (this.cursor === null) return;
    const x = this.x(this.cursor);
    this.mark.append(shape("line", { x1: x, x2: x, y1: PAD.top, y2: HEIGHT - PAD.bottom }));
    const right = x < this.width / 2;
    const text = { x: right ? x + 6 : x - 6, y: PAD.top + 8, "text-anchor": right ? "start" : "end" };
    this.mark.append(shape("text", text, this.when()));
    this.values.forEach((values, i) => {
      const value = values[values.length - 1 - this.cursor];
      if (value !== null) {
        this.mark.append(shape("circle", { cx: x, cy: y(value), r: 4, class: `s${i}` }));
      }
    });
  }

  when() {
    return this.cursor ? `${this.cursor} s ago` : "now";
  }

  // The values at the cursor, in the legend and for who does not see the picture.
  tell() {
    const back = this.cursor ?? 0;
    const words = this.values.map((values, i) => {
      const text = this.format(values[values.length - 1 - back] ?? null);
      setText(this.keys[i], text);
      return `${this.series[i].name} ${text}`;
    });
    setText(this.label, `${this.title}, ${this.when()}: ${words.join(", ")}`);
  }
}

