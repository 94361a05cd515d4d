/** Room for what is under way at once. Who finds too little waits; what is larger than all of it has it alone. */
export class Room {
  constructor(size) {
    this.size = size;
    this.free = size;
    this.waiting = [];
  }

  async hold(amount, act) {
    const held = Math.min(amount, this.size);
    while (this.free < held) await new Promise((goOn) => this.waiting.push(goOn));
    this.free -= held;
    try {
      return await act();
    } finally {
      this.free += held;
      for (const goOn of this.waiting.splice(0)) goOn();
    }
  }
}
