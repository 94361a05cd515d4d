/** A bar on a terminal, which the next state replaces. */

const WIDTH = 30;
/** Milliseconds between two states. */
const INTERVAL = 100;

export class Progress {
  constructor(stream) {
    this.stream = stream;
    this.shown = 0;
  }

  begin(total) {
    this.total = total;
    this.show(0, 0);
  }

  advance(done, bytes) {
    if (done < this.total && Date.now() - this.shown < INTERVAL) return;
    this.show(done, bytes);
  }

  show(done, bytes) {
    this.shown = Date.now();
    const filled = this.total === 0 ? WIDTH : Math.floor((done / this.total) * WIDTH);
    const bar = "█".repeat(filled) + "░".repeat(WIDTH - filled);
    this.stream.write(`\r\x1b[K${bar} ${done}/${this.total} items, ${size(bytes)}`);
  }

  end() {
    this.stream.write("\r\x1b[K");
  }
}

/** Bytes in words. */
export function size(bytes) {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  return `${unit === 0 ? bytes : (bytes / 1000 ** unit).toFixed(1)} ${units[unit]}`;
}
