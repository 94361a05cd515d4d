/** The path of a URL, as it was sent: a URL parser would take `..` out of it. */
export function pathIn(url) {
  const [, path] = /^(?:[a-z][a-z0-9+.-]*:\/\/[^/?#]*)?([^?#]*)/i.exec(url);
  return path || "/";
}
