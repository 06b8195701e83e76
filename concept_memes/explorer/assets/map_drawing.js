const THUMBNAILS_FROM = 2.6; // so much nearer than the whole map, thumbnails are drawn where there is room
const THUMBNAIL = 52; // pixels, and up to twice as many from near
const EDGE = 2;
const MOST_KEPT = 600;
const LABEL_LETTERS = 26;

/** Draws the map: points, thumbnails where there is room, titles that do not overlap. */
class MapDrawing {
  /** @param {Collection} collection @param {HTMLCanvasElement} canvas @param {Camera} camera */
  constructor(collection, canvas, camera) {
    Object.assign(this, { collection, canvas, camera });
    this.context = canvas.getContext("2d");
    this.passes = new Uint8Array(collection.n).fill(1);
    this.marked = -1;
    /** @type {Array<{id: number, left: number, top: number, right: number, bottom: number}>} */
    this.labels = [];
    /** @type {Map<number, HTMLImageElement>} */
    this.images = new Map();
    this.draw = oncePerFrame(() => this.#draw());
  }

  #draw() {
    const { canvas, context, camera } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(camera.width * ratio), Math.round(camera.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const style = getComputedStyle(canvas);
    this.ink = style.color;
    this.paper = style.backgroundColor;
    this.dark = isDark();
    this.font = style.fontFamily;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, camera.width, camera.height);
    this.#drawPoints();
    if (camera.zoom >= THUMBNAILS_FROM) this.#drawThumbnails();
    this.#drawMark();
    this.#drawLabels();
  }

  /** @returns {number} Radius of a point. */
  get radius() {
    const few = Math.min(Math.max(6.4 - Math.log10(this.collection.n + 1), 1.6), 5);
    return Math.min(few * this.camera.zoom ** 0.3, 7);
  }

  /** Hues a golden angle apart: concepts that follow each other differ most. @param {number} number */
  colorOf(number) {
    if (number === NONE) return this.dark ? "#5b5d63" : "#b9bac0";
    const hue = (number * 137.508 + 25) % 360;
    const ring = Math.floor(number / 9) % 3;
    const light = (this.dark ? 0.76 : 0.58) + (ring - 1) * 0.07;
    return `oklch(${light} ${0.15 - 0.025 * ring} ${hue})`;
  }

  #drawPoints() {
    const { collection, context, camera, passes } = this;
    const ratio = window.devicePixelRatio || 1;
    for (const passing of [0, 1]) {
      for (const [number, rows] of collection.membersOf) {
        const dot = this.#dot(passing ? this.radius : this.radius * 0.6, passing ? this.colorOf(number) : this.ink);
        const half = dot.width / ratio / 2;
        context.globalAlpha = passing ? 0.85 : 0.14;
        for (const row of rows) {
          if (passes[row] !== passing) continue;
          const x = camera.screenX(collection.x[row]) - half;
          const y = camera.screenY(collection.y[row]) - half;
          if (x < -9 || y < -9 || x > camera.width || y > camera.height) continue;
          // On whole pixels, so that the dot is copied and not computed again.
          context.drawImage(dot, Math.round(x * ratio) / ratio, Math.round(y * ratio) / ratio, 2 * half, 2 * half);
        }
      }
    }
    context.globalAlpha = 1;
  }

  /** One point, to be copied: many thousands of circles would take too long. @returns {HTMLCanvasElement} */
  #dot(radius, color) {
    const ratio = window.devicePixelRatio || 1;
    const side = Math.ceil((radius + 1) * ratio) * 2;
    const dot = make("canvas", { width: side, height: side });
    const context = dot.getContext("2d");
    context.arc(side / 2, side / 2, radius * ratio, 0, 7);
    context.fillStyle = color;
    context.fill();
    return dot;
  }

  #drawThumbnails() {
    const { collection, camera, passes } = this;
    const side = Math.min(THUMBNAIL * (camera.zoom / THUMBNAILS_FROM) ** 0.4, 2 * THUMBNAIL);
    const near = side + 2 * EDGE + 2;
    const taken = new Map(); // places by squares that are as large as a thumbnail
    for (const number of [...collection.byNumber.keys(), NONE]) {
      for (const row of collection.membersOf.get(number)) {
        const x = camera.screenX(collection.x[row]);
        const y = camera.screenY(collection.y[row]);
        if (!passes[row] || x < 0 || y < 0 || x > camera.width || y > camera.height) continue;
        const [column, line] = [Math.floor(x / near), Math.floor(y / near)];
        if (squaresAround(column, line).some((square) => touches(taken.get(square), x, y, near))) continue;
        taken.set(`${column} ${line}`, [x, y]); // two in one square would touch
        this.#drawThumbnail(row, x, y, side);
      }
    }
  }

  #drawThumbnail(row, x, y, side) {
    const { context, collection } = this;
    const image = this.#imageOf(row);
    if (!image.complete || image.naturalWidth === 0) return;
    const scale = side / Math.max(image.naturalWidth, image.naturalHeight);
    const [width, height] = [image.naturalWidth * scale, image.naturalHeight * scale];
    context.fillStyle = this.colorOf(collection.labels[row]);
    context.fillRect(x - width / 2 - EDGE, y - height / 2 - EDGE, width + 2 * EDGE, height + 2 * EDGE);
    context.drawImage(image, x - width / 2, y - height / 2, width, height);
  }

  #imageOf(row) {
    if (!this.images.has(row)) {
      if (this.images.size >= MOST_KEPT) this.images.delete(this.images.keys().next().value);
      const image = new Image();
      image.addEventListener("load", this.draw);
      this.images.set(row, showThumbnail(this.collection, image, row));
    }
    return this.images.get(row);
  }

  #drawMark() {
    if (this.marked < 0) return;
    const { context, camera, collection } = this;
    const [x, y] = [camera.screenX(collection.x[this.marked]), camera.screenY(collection.y[this.marked])];
    context.beginPath();
    context.arc(x, y, this.radius + 4, 0, 7);
    context.lineWidth = 2.5;
    context.strokeStyle = this.ink;
    context.stroke();
  }

  /** Titles, the largest concepts first; what would touch another one is left out until there is room. */
  #drawLabels() {
    const { collection, context, camera } = this;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    this.labels = [];
    const byRoom = [...collection.concepts].sort((a, b) => b.size - a.size);
    for (const concept of byRoom) {
      if (!collection.membersOf.get(concept.id).some((row) => this.passes[row])) continue;
      const points = camera.width < 600 ? 12 : 13.5;
      context.font = `600 ${points}px ${this.font}`;
      const title = collection.titleOf(concept.id);
      const letters = [...title];
      const text = letters.length > LABEL_LETTERS ? `${letters.slice(0, LABEL_LETTERS - 1).join("")}…` : title;
      const half = context.measureText(text).width / 2;
      const x = camera.screenX(concept.x);
      const y = camera.screenY(concept.y);
      if (x < 0 || y < 0 || x > camera.width || y > camera.height) continue;
      const middle = Math.min(Math.max(x, half + 8), camera.width - half - 8);
      const box = { id: concept.id, left: middle - half - 5, right: middle + half + 5, top: y - 11, bottom: y + 11 };
      if (this.labels.some((other) => overlap(box, other))) continue;
      this.labels.push(box);
      context.strokeStyle = this.paper;
      context.lineWidth = 4.5;
      context.strokeText(text, middle, y);
      context.fillStyle = this.ink;
      context.fillText(text, middle, y);
    }
  }
}

/** @returns {string[]} The square at a place and those around it. */
function squaresAround(column, line) {
  return [-1, 0, 1].flatMap((i) => [-1, 0, 1].map((j) => `${column + i} ${line + j}`));
}

function touches(place, x, y, near) {
  return place !== undefined && Math.abs(place[0] - x) < near && Math.abs(place[1] - y) < near;
}

function overlap(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
