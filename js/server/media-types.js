/** Whether a header, Accept or Content-Type, names the media type, with whatever parameters but a weight of 0. */
export function namesMediaType(header, type) {
  if (header === undefined || header === type) return header === type;
  return header.split(",").some((part) => {
    const [name, ...parameters] = part.split(";").map((piece) => piece.trim().toLowerCase());
    return name === type && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
}
