const WORLD = 10000; // places on the map are numbers from 0 to this, upwards
const NEAREST = 60; // times as large as the whole map

/** Which part of the map is seen: screen = world * scale + shift. The whole map fills whatever room there is. */
class Camera {
  constructor() {
    this.width = 1;
    this.height = 1;
    this.#fit();
  }

  #fit() {
    const margin = Math.min(72, this.width / 9);
    this.whole = Math.max((this.width - 2 * margin) / WORLD, 1e-6);
    this.scaleX = this.whole;
    this.scaleY = Math.max((this.height - 2 * margin) / WORLD, 1e-6);
    this.shiftX = margin;
    this.shiftY = margin;
  }

  /** @param {number} width @param {number} height Of the canvas, in pixels; what is seen stays in the middle. */
  resize(width, height) {
    const [zoom, x, y] = [this.zoom, this.worldX(this.width / 2), this.worldY(this.height / 2)];
    const first = this.width === 1;
    this.width = width;
    this.height = height;
    this.#fit();
    if (first || zoom <= 1.001) return;
    this.scaleX *= zoom;
    this.scaleY *= zoom;
    this.shiftX = width / 2 - x * this.scaleX;
    this.shiftY = height / 2 - (WORLD - y) * this.scaleY;
  }

  reset() {
    this.#fit();
  }

  /** @returns {number} 1 where the whole map is seen. */
  get zoom() {
    return this.scaleX / this.whole;
  }

  screenX(x) {
    return x * this.scaleX + this.shiftX;
  }

  screenY(y) {
    return (WORLD - y) * this.scaleY + this.shiftY;
  }

  worldX(x) {
    return (x - this.shiftX) / this.scaleX;
  }

  worldY(y) {
    return WORLD - (y - this.shiftY) / this.scaleY;
  }

  move(dx, dy) {
    this.shiftX += dx;
    this.shiftY += dy;
    this.#hold();
  }

  /** @param {number} factor @param {number} x @param {number} y What stays where it is, on the screen. */
  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const zoom = Math.min(Math.max(this.zoom * factor, 0.8), NEAREST) / this.zoom;
    this.shiftX = x - (x - this.shiftX) * zoom;
    this.shiftY = y - (y - this.shiftY) * zoom;
    this.scaleX *= zoom;
    this.scaleY *= zoom;
    this.#hold();
  }

  /** Never lose the map: its edge stays this side of the middle. */
  #hold() {
    this.shiftX = Math.min(Math.max(this.shiftX, this.width / 2 - WORLD * this.scaleX), this.width / 2);
    this.shiftY = Math.min(Math.max(this.shiftY, this.height / 2 - WORLD * this.scaleY), this.height / 2);
  }
}
