// Trajectories as balls and sticks that can be turned: orthographic, nearer things drawn last, no library.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("viewer-data").textContent);
  const byId = (name) => document.getElementById("viewer-" + name);
  const canvas = byId("canvas"), pen = canvas.getContext("2d");
  const playButton = byId("play"), slider = byId("time"), line = byId("line"), images = byId("images");
  const STICK = 0.17, SLACK = 0.3, FOG = 8, FRAMES_PER_S = 10, ABSENT = -32768, DOSES_PER_S = 1;
  const N = data.atoms.length, [a, b] = data.cell, determinant = a[0] * b[1] - a[1] * b[0];
  const radius = data.atoms.map((kind) => data.elements[kind].radius), ball = radius.map((r) => 0.2 + 0.32 * r);
  const colour = data.atoms.map((kind, atom) => data.tints[atom] || data.elements[kind].colour);
  const diagonal = Math.max(Math.hypot(a[0] + b[0], a[1] + b[1]), Math.hypot(a[0] - b[0], a[1] - b[1]));
  const state = { movie: null, at: 0, playing: false, zoom: 1, turn: null, light: false, drawn: 0 };

  // Rotations: rows of a 3x3 matrix, x to the right, y up, z towards the eye.
  const times = (m, n) => m.map((row) => [0, 1, 2].map((j) => row[0] * n[0][j] + row[1] * n[1][j] + row[2] * n[2][j]));
  const aboutX = (t) => [[1, 0, 0], [0, Math.cos(t), -Math.sin(t)], [0, Math.sin(t), Math.cos(t)]];
  const aboutY = (t) => [[Math.cos(t), 0, Math.sin(t)], [0, 1, 0], [-Math.sin(t), 0, Math.cos(t)]];
  const FROM_SIDE = [[1, 0, 0], [0, 0, 1], [0, -1, 0]], FROM_TOP = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
  const views = { start: times(aboutX(0.2), times(aboutY(-0.35), FROM_SIDE)), side: FROM_SIDE, top: FROM_TOP };
  state.turn = views.start;

  const numbers = (movie) => {
    if (!movie.numbers) {
      const text = atob(movie.data), bytes = new DataView(new ArrayBuffer(text.length));
      for (let i = 0; i < text.length; i++) bytes.setUint8(i, text.charCodeAt(i));
      movie.numbers = new Float32Array(text.length / 2);
      for (let i = 0; i < movie.numbers.length; i++) {
        const units = bytes.getInt16(2 * i, true);
        movie.numbers[i] = units === ABSENT ? NaN : data.unit * units;
      }
      movie.lowest = Infinity;
      movie.highest = -Infinity;
      for (let i = 2; i < movie.numbers.length; i += 3) {
        if (isNaN(movie.numbers[i])) continue;
        movie.lowest = Math.min(movie.lowest, movie.numbers[i]);
        movie.highest = Math.max(movie.highest, movie.numbers[i]);
      }
    }
    return movie.numbers;
  };

  // Positions at a place between two stored frames, as one array of 3 N numbers.
  const positionsAt = (movie, at) => {
    const all = numbers(movie), first = Math.floor(at), part = at - first;
    const here = all.subarray(3 * N * first, 3 * N * (first + 1));
    if (part === 0) return here;
    const next = all.subarray(3 * N * (first + 1), 3 * N * (first + 2));
    // An atom that comes or goes between the two is there while the nearer one has it.
    return here.map((value, i) => (isNaN(value) || isNaN(next[i]) ? (part < 0.5 ? value : next[i]) : value + part * (next[i] - value)));
  };

  // Half sticks [from atom, dx, dy, dz to the middle, across?]; the shortest image in the plane.
  const sticksOf = (p) => {
    const found = [];
    for (let i = 0; i < N; i++) {
      for (let j = i + 1; j < N; j++) {
        const across = i < data.slab && j >= data.slab;
        const limit = across ? data.across[data.atoms[j]][data.atoms[i]] : radius[i] + radius[j] + SLACK;
        const dz = p[3 * j + 2] - p[3 * i + 2];
        if (isNaN(dz) || Math.abs(dz) >= limit) continue;
        let dx = p[3 * j] - p[3 * i], dy = p[3 * j + 1] - p[3 * i + 1];
        const s = Math.round((dx * b[1] - dy * b[0]) / determinant), t = Math.round((dy * a[0] - dx * a[1]) / determinant);
        dx -= s * a[0] + t * b[0];
        dy -= s * a[1] + t * b[1];
        if (dx * dx + dy * dy + dz * dz >= limit * limit) continue;
        found.push([i, dx / 2, dy / 2, dz / 2, across], [j, -dx / 2, -dy / 2, -dz / 2, across]);
      }
    }
    return found;
  };

  // Colours follow the page: atoms far from the eye fade into its paper.
  const LIGHT = { ink: [27, 31, 36], paper: [255, 255, 255] }, DARK = { ink: [228, 231, 235], paper: [21, 24, 28] };
  const darkPage = window.matchMedia("(prefers-color-scheme: dark)");
  const theme = () => (darkPage.matches && !state.light ? DARK : LIGHT);
  const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const mix = (one, other, part) => one.map((v, i) => Math.round(v + part * (other[i] - v)));
  const css = (c) => "rgb(" + c.join(",") + ")";
  const sprites = new Map();
  const sprite = (hex, fog, look) => {
    const key = hex + fog + (look === DARK);
    if (!sprites.has(key)) {
      const size = 96, ball = document.createElement("canvas"), p = ball.getContext("2d");
      const base = mix(rgb(hex), look.paper, (0.62 * fog) / FOG);
      ball.width = ball.height = size;
      const shade = p.createRadialGradient(size * 0.37, size * 0.35, size * 0.04, size / 2, size / 2, size * 0.5);
      shade.addColorStop(0, css(mix(base, [255, 255, 255], 0.55)));
      shade.addColorStop(0.55, css(base));
      shade.addColorStop(1, css(mix(base, [0, 0, 0], 0.28)));
      p.beginPath();
      p.arc(size / 2, size / 2, size / 2 - 2, 0, 2 * Math.PI);
      p.fillStyle = shade;
      p.fill();
      p.lineWidth = 2.5;
      p.strokeStyle = css(mix(base, [30, 34, 40], 0.6));
      p.stroke();
      sprites.set(key, ball);
    }
    return sprites.get(key);
  };

  const draw = () => {
    const movie = state.movie;
    if (!movie) return;
    const width = canvas.clientWidth || 640, height = canvas.clientHeight || 440;
    const dense = Math.min(3, Math.max(window.devicePixelRatio || 1, state.light ? 2 : 1));
    if (canvas.width !== Math.round(width * dense) || canvas.height !== Math.round(height * dense)) {
      canvas.width = Math.round(width * dense);
      canvas.height = Math.round(height * dense);
    }
    const p = positionsAt(movie, state.at), look = theme(), m = state.turn;
    const middle = (movie.lowest + movie.highest) / 2, span = movie.highest - movie.lowest + 2;
    const fit = Math.min(width / diagonal, height / Math.hypot(span, 0.45 * diagonal));
    const scale = 0.96 * fit * state.zoom, cx = width / 2, cy = height / 2;
    const project = (x, y, z) => m.map((row) => row[0] * x + row[1] * y + row[2] * (z - middle));
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.fillStyle = css(look.paper);
    pen.fillRect(0, 0, width, height);
    const shifts = images.checked ? [-1, 0, 1].flatMap((s) => [-1, 0, 1].map((t) => [s, t])) : [[0, 0]];
    const things = [], sticks = sticksOf(p);
    let near = -Infinity, far = Infinity;
    for (const [s, t] of shifts) {
      const sx = s * a[0] + t * b[0], sy = s * a[1] + t * b[1], faint = s || t ? 3 : 0;
      for (let i = 0; i < N; i++) {
        if (isNaN(p[3 * i])) continue;
        const [x, y, z] = project(p[3 * i] + sx, p[3 * i + 1] + sy, p[3 * i + 2]);
        if (i < data.slab) near = Math.max(near, z), far = Math.min(far, z);
        things.push({ depth: z, x, y, r: ball[i], atom: i, faint });
      }
      for (const [i, dx, dy, dz, across] of sticks) {
        const x = p[3 * i] + sx, y = p[3 * i + 1] + sy, z = p[3 * i + 2], to = project(x + dx, y + dy, z + dz);
        const out = Math.min(1, (0.75 * ball[i]) / Math.hypot(dx, dy, dz)); // where it leaves its ball
        const from = project(x + out * dx, y + out * dy, z + out * dz);
        things.push({ depth: (from[2] + to[2]) / 2, from, to, atom: i, across, faint });
      }
    }
    const corners = [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]];
    const box = corners.map(([s, t]) => project(s * a[0] + t * b[0], s * a[1] + t * b[1], 0));
    pen.strokeStyle = css(mix(look.paper, look.ink, 0.35));
    pen.lineWidth = 1;
    pen.setLineDash([4, 4]);
    pen.beginPath();
    box.forEach(([x, y], i) => pen[i ? "lineTo" : "moveTo"](cx + scale * x, cy - scale * y));
    pen.closePath();
    pen.stroke();
    pen.setLineDash([]);
    things.sort((one, other) => one.depth - other.depth);
    for (const thing of things) {
      const slab = thing.atom < data.slab;
      const deep = slab ? (FOG * (near - thing.depth)) / Math.max(near - far, 1e-6) : 0;
      const fog = Math.max(0, Math.min(FOG, Math.round(deep + thing.faint)));
      if (thing.from) {
        const [x1, y1] = thing.from, [x2, y2] = thing.to;
        const base = thing.across ? [213, 94, 0] : mix([125, 132, 143], look.paper, (0.62 * fog) / FOG);
        pen.lineCap = "round";
        for (const [part, shade] of [[1, mix(base, [20, 24, 28], 0.35)], [0.6, base]]) {
          pen.lineWidth = scale * STICK * part * (thing.across ? 1.7 : 1);
          pen.strokeStyle = css(shade);
          pen.beginPath();
          pen.moveTo(cx + scale * x1, cy - scale * y1);
          pen.lineTo(cx + scale * x2, cy - scale * y2);
          pen.stroke();
        }
      } else {
        const r = scale * thing.r;
        pen.drawImage(sprite(colour[thing.atom], fog, look), cx + scale * thing.x - r, cy - scale * thing.y - r, 2 * r, 2 * r);
      }
    }
    const bar = 5 * scale;
    pen.fillStyle = pen.strokeStyle = css(look.ink);
    pen.fillRect(width - bar - 12, height - 14, bar, 2);
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillText("5 Å", width - bar / 2 - 12, height - 20);
    state.drawn += 1;
  };

  const timeAt = () => {
    const { times: t } = state.movie, first = Math.floor(state.at), part = state.at - first;
    return part ? t[first] + part * (t[first + 1] - t[first]) : t[first];
  };
  const modeAt = (time) => {
    let now = "";
    for (const [began, mode] of state.movie.events) if (began <= time + 1e-9) now = mode;
    return now;
  };
  const tell = () => {
    const time = timeAt(), end = state.movie.times[state.movie.times.length - 1];
    const now = modeAt(time), chain = state.movie.chain, number = (one) => (chain ? String(Math.round(one)) : one.toFixed(2));
    const words = number(time) + " of " + number(end) + (chain ? " doses" : " ps") + (now ? ", " + now : "");
    line.textContent = state.movie.id + (chain ? ": " : " (" + state.movie.mode + " at the end): ") + words;
    slider.value = String(state.at);
    slider.setAttribute("aria-valuetext", words);
  };
  let waiting = false;
  const refresh = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; tell(); draw(); });
  };

  const last = () => state.movie.times.length - 1;
  const pause = () => { state.playing = false; playButton.textContent = "Play"; };
  const step = (by) => { pause(); state.at = Math.max(0, Math.min(last(), Math.round(state.at) + by)); refresh(); };
  const play = () => {
    if (state.playing || last() === 0) { pause(); return; }
    if (state.at >= last()) state.at = 0;
    state.playing = true;
    playButton.textContent = "Pause";
    let before = null;
    const go = (now) => {
      if (!state.playing) return;
      if (before !== null) state.at = Math.min(last(), state.at + ((state.movie.chain ? DOSES_PER_S : FRAMES_PER_S) * (now - before)) / 1000);
      before = now;
      tell();
      draw();
      if (state.at >= last()) pause(); else requestAnimationFrame(go);
    };
    requestAnimationFrame(go);
  };
  const rotate = (dx, dy) => { state.turn = times(times(aboutX(dy), aboutY(dx)), state.turn); refresh(); };
  const zoomBy = (factor) => { state.zoom = Math.max(0.3, Math.min(8, state.zoom * factor)); refresh(); };
  const look = (name) => { state.turn = views[name]; state.zoom = 1; refresh(); };
  const show = (id) => {
    const movie = data.movies.find((one) => one.id === id);
    if (!movie) return false;
    pause();
    numbers(movie);
    state.movie = movie;
    state.at = last();
    slider.max = String(last());
    const what = movie.chain ? id + ", dose by dose" : "Trajectory " + id + ", " + movie.mode + " at the end";
    canvas.setAttribute("aria-label", what + ", as balls and sticks. " +
      "Arrow keys turn it, plus and minus zoom, comma and full stop step, space plays.");
    document.querySelectorAll("#viewer [data-movie]").forEach((item) => {
      if (item.dataset.movie === id) item.setAttribute("aria-current", "true"); else item.removeAttribute("aria-current");
    });
    refresh();
    return true;
  };

  // One pointer turns, two zoom.
  const pointers = new Map();
  const spread = () => { const [p, q] = [...pointers.values()]; return Math.hypot(p[0] - q[0], p[1] - q[1]); };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const apart = pointers.size === 2 ? spread() : 0;
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (pointers.size === 2) zoomBy(spread() / Math.max(apart, 1));
    else if (pointers.size === 1) rotate((event.clientX - before[0]) / 120, (event.clientY - before[1]) / 120);
  });
  for (const name of ["pointerup", "pointercancel"])
    canvas.addEventListener(name, (event) => pointers.delete(event.pointerId));
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== canvas && !event.ctrlKey) return; // the page scrolls
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY / 500));
  }, { passive: false });
  const keys = {
    ArrowLeft: () => rotate(-0.12, 0), ArrowRight: () => rotate(0.12, 0), ArrowUp: () => rotate(0, -0.12),
    ArrowDown: () => rotate(0, 0.12), "+": () => zoomBy(1.2), "=": () => zoomBy(1.2), "-": () => zoomBy(1 / 1.2),
    ",": () => step(-1), ".": () => step(1), " ": play, Home: () => look("start"),
  };
  canvas.addEventListener("keydown", (event) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? null : keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  playButton.addEventListener("click", play);
  slider.addEventListener("input", () => { pause(); state.at = Number(slider.value); refresh(); });
  images.addEventListener("change", refresh);
  byId("in").addEventListener("click", () => zoomBy(1.25));
  byId("out").addEventListener("click", () => zoomBy(0.8));
  byId("side").addEventListener("click", () => look("side"));
  byId("top").addEventListener("click", () => look("top"));
  byId("home").addEventListener("click", () => look("start"));

  // Links to a trajectory anywhere on the page: #view-000003.
  const follow = () => {
    const match = /^#view-(.+)$/.exec(location.hash);
    if (match && show(match[1])) byId("stage").scrollIntoView({ block: "nearest" });
  };
  window.addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => { // the same link a second time changes no hash
    const link = event.target.closest && event.target.closest('a[href^="#view-"]');
    if (link && link.getAttribute("href") === location.hash) follow();
  });
  darkPage.addEventListener("change", refresh);
  new ResizeObserver(refresh).observe(canvas);
  window.addEventListener("beforeprint", () => { pause(); state.light = true; draw(); });
  window.addEventListener("afterprint", () => { state.light = false; refresh(); });
  byId("stage").hidden = false;
  show(data.movies[0].id);
  follow();
  window.molgunViewer = { state, show, draw, rotate, zoomBy, play, step };
})();
