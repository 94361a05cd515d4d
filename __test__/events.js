/** A storage's events as they come, `event key` each. */
export async function recorded(storage) {
  const events = [];
  const unwatch = await storage.watch((event, key) => events.push(`${event} ${key}`));
  return { events, unwatch };
}
