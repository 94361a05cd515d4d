/**
 * Turns: of the writes to one key, one begins when the one before has ended, so that nothing comes between a write and its
 * condition. What writes to the storage by itself does not wait here.
 */
export function createTurns() {
  const last = new Map();
  return {
    take(key, work) {
      const turn = (last.get(key) ?? Promise.resolve()).then(work, work);
      last.set(key, turn);
      const leave = () => {
        if (last.get(key) === turn) last.delete(key);
      };
      turn.then(leave, leave);
      return turn;
    },
  };
}
