/** Answered from the cache on disk for a minute, also after a restart. */
export default defineCachedEventHandler(() => ({ time: new Date().toISOString() }), {
  maxAge: 60,
});
