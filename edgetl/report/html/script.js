"use strict";
(() => {
  const root = document.documentElement;
  const tip = document.getElementById("tip");
  const charts = JSON.parse(document.getElementById("data").textContent);
  let anchor = null;

  // Of a page from a file, some browsers keep nothing.
  const kept = {
    get: () => {
      try {
        return localStorage.getItem("edgetl-theme");
      } catch {
        return null;
      }
    },
    set: (theme) => {
      try {
        localStorage.setItem("edgetl-theme", theme);
      } catch {
        return;
      }
    },
  };

  function theme() {
    const button = document.getElementById("theme");
    const system = matchMedia("(prefers-color-scheme: dark)");
    const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
    const show = () => button.setAttribute("aria-pressed", String(isDark()));
    const known = kept.get();
    if (known === "dark" || known === "light") root.dataset.theme = known;
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      kept.set(root.dataset.theme);
      show();
    });
    system.addEventListener("change", show);
    button.hidden = false;
    show();
  }

  function made(tag, text) {
    const element = document.createElement(tag);
    element.textContent = text;
    return element;
  }

  function show(title, rows, near) {
    const list = document.createElement("dl");
    for (const [word, value] of rows) list.append(made("dt", word), made("dd", value));
    tip.replaceChildren(made("strong", title), list);
    tip.hidden = false;
    anchor = near;
    place();
  }

  function place() {
    if (tip.hidden) return;
    // Where the right edge is near, it would be measured narrower than it may be.
    tip.style.left = "0";
    const around = anchor.getBoundingClientRect();
    const box = tip.getBoundingClientRect();
    const right = Math.min(around.right, innerWidth);
    const beside = right + 12 + box.width <= innerWidth;
    const left = beside ? right + 12 : Math.max(8, Math.min(around.left, innerWidth - box.width - 8));
    const below = around.bottom + 12 + box.height <= innerHeight;
    const top = beside ? around.top : below ? around.bottom + 12 : around.top - box.height - 12;
    tip.style.left = `${left}px`;
    tip.style.top = `${Math.max(8, Math.min(top, innerHeight - box.height - 8))}px`;
  }

  function hide() {
    tip.hidden = true;
  }

  function mark(group, facts) {
    // The browser's own hint would lie on top of this one; the label stays for who listens.
    group.querySelectorAll("title").forEach((title) => title.remove());
    const near = group.querySelector("circle") ?? group;
    const tell = () => show(facts.title, facts.rows, near);
    group.addEventListener("pointerenter", tell);
    group.addEventListener("focus", tell);
    group.addEventListener("pointerleave", hide);
    group.addEventListener("blur", hide);
  }

  function drawn(svg, tag, attributes) {
    const element = document.createElementNS(svg.namespaceURI, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  function nearest(trace, x, y) {
    let best = 0;
    let least = Infinity;
    for (let i = 0; i < trace.x.length; i += 1) {
      const far = Math.abs(trace.x[i] - x) * 4 + Math.abs(trace.y[i] - y);
      if (far < least) [best, least] = [i, far];
    }
    return best;
  }

  function cursor(figure, trace) {
    const svg = figure.querySelector("svg");
    const across = trace.across.split(" ");
    const values = trace.values.split(" ");
    const left = Math.min(...trace.x);
    const top = Math.min(...trace.y) - 10;
    const size = { width: Math.max(...trace.x) - left + 1, height: Math.max(...trace.y) - top + 10 };
    const group = drawn(svg, "g", { class: "cursor", tabindex: "0", role: "slider", "aria-valuemin": "0" });
    const dot = drawn(svg, "circle", { class: "dot", r: "5", visibility: "hidden" });
    const last = values.length - 1;
    let current = 0;
    group.setAttribute("aria-valuemax", String(last));
    group.setAttribute("aria-label", `Latency over time of ${trace.name}; arrow keys move along it`);
    group.append(drawn(svg, "rect", { class: "hit", "fill-opacity": "0", x: left, y: top, ...size }), dot);
    svg.querySelector(".trace").after(group);

    function go(to, isShown) {
      current = Math.max(0, Math.min(last, to));
      const where = trace.units[0] === "s" ? `${across[current]} s` : `${trace.units[0]} ${across[current]}`;
      const value = `${values[current]} ${trace.units[1]}`;
      group.setAttribute("aria-valuenow", String(current));
      group.setAttribute("aria-valuetext", `${where}: ${value}`);
      dot.setAttribute("cx", trace.x[current]);
      dot.setAttribute("cy", trace.y[current]);
      if (!isShown) return;
      dot.setAttribute("visibility", "visible");
      show(trace.name, [["at", where], ["latency", value]], dot);
    }
    function leave() {
      dot.setAttribute("visibility", "hidden");
      hide();
    }
    group.addEventListener("pointermove", (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      go(nearest(trace, at.x, at.y), true);
    });
    group.addEventListener("focus", () => go(current, true));
    group.addEventListener("pointerleave", leave);
    group.addEventListener("blur", leave);
    group.addEventListener("keydown", (event) => {
      const far = Math.ceil(last / 20);
      const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -far, PageUp: far };
      const to = { Home: 0, End: last }[event.key] ?? current + (steps[event.key] ?? NaN);
      if (Number.isNaN(to)) return;
      event.preventDefault();
      go(to, true);
    });
    go(0, false);
  }

  // A region that does not scroll needs no stop of the keyboard, and no hint.
  function stops() {
    for (const region of document.querySelectorAll(".wide")) {
      const scrolls = region.scrollWidth > region.clientWidth;
      region.classList.toggle("scrolls", scrolls);
      if (scrolls) region.setAttribute("tabindex", "0");
      else region.removeAttribute("tabindex");
    }
  }

  theme();
  for (const [id, chart] of Object.entries(charts)) {
    const figure = document.getElementById(id);
    for (const group of figure.querySelectorAll(".mark")) mark(group, chart.marks[Number(group.dataset.mark)]);
    if (chart.trace !== null) cursor(figure, chart.trace);
  }
  addEventListener("keydown", (event) => event.key === "Escape" && hide());
  addEventListener("scroll", place, { passive: true, capture: true });
  addEventListener("resize", stops);
  document.querySelectorAll("details").forEach((one) => one.addEventListener("toggle", stops));
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));
  stops();
})();
