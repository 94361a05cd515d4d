/** A driver of the app, which has one item: what options it was made with. */
export default (options) => ({
  hasItem: (key) => key === "options",
  getItem: (key) => (key === "options" ? options : null),
  getKeys: () => ["options"],
});
