/** Keeps nothing. */
export default function nullDriver() {
  return {
    name: "null",
    hasItem: () => false,
    getItem: () => null,
    getItemRaw: () => null,
    getItems: () => [],
    getMeta: () => null,
    getKeys: () => [],
    setItem: () => {},
    setItemRaw: () => {},
    setItems: () => {},
    removeItem: () => {},
    clear: () => {},
  };
}
export { nullDriver as "module.exports" };
