"use strict";
(() => {
  const make = (tag, given = {}, ...inside) => {
    const made = Object.assign(document.createElement(tag), given);
    made.append(...inside);
    return made;
  };

  // Theme: the system's, until the reader chooses.
  const root = document.documentElement;
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const theme = make("button", { className: "plain", type: "button" });
  const say = () => { theme.textContent = dark() ? "Light theme" : "Dark theme"; };
  theme.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; say(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", say);
  say();
  document.querySelector("header").append(theme);

  // Sort: numbers as numbers, 'never' last of them, what is not there at the end either way.
  const value = (cell) => {
    const text = (cell.dataset.value ?? cell.textContent).trim();
    if (text === "" || text === "–" || text === "skipped" || text === "nan") return null;
    if (text === "never") return Infinity;
    // A comma stands between thousands only where a digit follows at once: "1,234", but "[12, 15]".
    const number = text.replace(/[*<>≥\[]|,(?=\d)/g, "").trim().match(/^-?\d+(\.\d+)?(e-?\d+)?/i);
    return number ? Number(number[0]) : text.toLowerCase();
  };
  const order = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a === b ? 0 : a < b ? -1 : 1;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = make("button", { type: "button" });
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        for (const other of heads) other.setAttribute("aria-sort", "none");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const keyed = [...table.tBodies[0].rows].map((row) => [value(row.cells[column]), row]);
        keyed.sort(([a], [b]) => (a === null) - (b === null) || (a === null ? 0 : up ? order(a, b) : order(b, a)));
        table.tBodies[0].append(...keyed.map(([, row]) => row));
      });
    });
  }

  // Filter: rows that hold every word.
  for (const place of document.querySelectorAll(".filter")) {
    const rows = [...document.getElementById(place.dataset.for).tBodies[0].rows];
    if (rows.length < 2) continue;
    const said = make("span", { role: "status" });
    const input = make("input", { type: "search", autocomplete: "off", spellcheck: false });
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
        shown += !row.hidden;
      }
      said.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
    });
    place.append(make("label", {}, "Filter ", input), said);
  }

  // Downloads and copies, made here so that the page need not hold everything twice.
  const save = (name, type, text) => {
    const link = make("a", { download: name, href: URL.createObjectURL(new Blob([text], { type })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const tool = (label, action) => {
    const button = make("button", { className: "plain", type: "button" }, label);
    button.addEventListener("click", () => action(button));
    return button;
  };
  const quoted = (text) => {
    const safe = /^[=+\-@\t]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const csv = (table) => [...table.rows].map((row) => [...row.cells].map((cell) => quoted(cell.textContent.trim())).join(",")).join("\n") + "\n";

  // A drawing on its own has no style sheet: what the page's gives goes into its attributes.
  const LOOK = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-family", "text-anchor", "image-rendering"];
  const styled = (svg) => {
    const copy = svg.cloneNode(true);
    const from = [svg, ...svg.querySelectorAll("*")];
    [copy, ...copy.querySelectorAll("*")].forEach((element, i) => {
      const look = getComputedStyle(from[i]);
      for (const key of LOOK) element.setAttribute(key, look.getPropertyValue(key));
      element.removeAttribute("class");
    });
    return copy;
  };
  const drawing = (figure) => {
    const panels = [...figure.querySelectorAll("svg.panel")];
    const [width, height] = [panels[0].viewBox.baseVal.width, panels[0].viewBox.baseVal.height + 22];
    const across = Math.min(panels.length, Math.max(1, Math.floor(1200 / width)));
    const keys = [...figure.querySelectorAll(".keys li")];
    const high = Math.ceil(panels.length / across) * height;
    const whole = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const size = [width * across, high + 16 * keys.length + 8];
    const background = getComputedStyle(document.body).backgroundColor;
    const colour = getComputedStyle(document.body).color;
    const write = (x, y, text) => {
      const line = document.createElementNS(whole.namespaceURI, "text");
      Object.entries({ x, y, fill: colour, "font-size": 11, "font-family": "sans-serif" }).forEach(([key, of]) => line.setAttribute(key, of));
      line.textContent = text;
      whole.append(line);
    };
    whole.setAttribute("viewBox", `0 0 ${size[0]} ${size[1]}`);
    whole.setAttribute("width", size[0]);
    whole.setAttribute("height", size[1]);
    const paper = document.createElementNS(whole.namespaceURI, "rect");
    Object.entries({ width: size[0], height: size[1], fill: background }).forEach(([key, of]) => paper.setAttribute(key, of));
    whole.append(paper);
    panels.forEach((panel, i) => {
      const copy = styled(panel);
      const [x, y] = [(i % across) * width, Math.floor(i / across) * height];
      copy.setAttribute("x", x);
      copy.setAttribute("y", y + 20);
      copy.setAttribute("width", width);
      copy.setAttribute("height", height - 22);
      write(x + 6, y + 13, panel.parentElement.querySelector(".heading")?.textContent ?? figure.querySelector("figcaption :is(h3, h4)").textContent);
      whole.append(copy);
    });
    keys.forEach((key, i) => {
      const copy = styled(key.querySelector("svg"));
      copy.setAttribute("x", 8);
      copy.setAttribute("y", high + 16 * i);
      whole.append(copy);
      write(36, high + 16 * i + 10, key.textContent.trim());
    });
    return new XMLSerializer().serializeToString(whole);
  };
  for (const figure of document.querySelectorAll("figure")) {
    const tools = make("div", { className: "tools" });
    tools.append(tool("Download SVG", () => save(`${figure.id}.svg`, "image/svg+xml", drawing(figure))));
    const table = figure.querySelector("table");
    if (table) tools.append(tool("Download CSV", () => save(`${figure.id}.csv`, "text/csv", csv(table))));
    figure.append(tools);
  }
  for (const command of document.querySelectorAll(".command pre")) {
    command.before(tool("Copy", async (button) => {
      try {
        await navigator.clipboard.writeText(command.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(command); // not allowed here: it is selected, ready to be copied
        button.textContent = "Selected";
      }
    }));
  }

  // Many tasks: all of a section at once.
  for (const section of document.querySelectorAll("main > section")) {
    const tasks = [...section.querySelectorAll("details.task")];
    if (tasks.length < 2) continue;
    tasks[0].before(make("div", { className: "tools" },
      tool(`Open all ${tasks.length} tasks`, () => tasks.forEach((task) => { task.open = true; })),
      tool("Fold all", () => tasks.forEach((task) => { task.open = false; }))));
  }
  // A link into something folded opens it.
  const unfold = () => {
    let at = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
    for (; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();
})();
