/** How many items are under way at once. */
const AT_ONCE = 64;

/** Calls `act` with each of the items, many at once. What it throws ends it, when all that was under way has ended. */
export async function each(items, act) {
  let next = 0;
  const work = async () => {
    try {
      while (next < items.length) await act(items[next++]);
    } catch (error) {
      next = items.length;
      throw error;
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, work));
  const failed = ended.find(({ status }) => status === "rejected");
  if (failed) throw failed.reason;
}
