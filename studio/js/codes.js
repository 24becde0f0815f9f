// What is done with codes: edits, ways between two of them, and the text of a code in an address.

const STEP = 1 / 2048; // of a number in an address, far below what can be seen

/** Return a code moved along directions, by strengths such as {Smiling: 1}. */
export function edit(model, code, strengths) {
  const edited = Float32Array.from(code);
  for (const [attribute, strength] of Object.entries(strengths)) {
    const direction = model.direction(attribute);
    for (let i = 0; i < edited.length; i++) edited[i] += strength * direction[i];
  }
  return edited;
}

/** Return the code at a share, 0 to 1, of the straight way from one code to another. */
export function between(start, end, share) {
  return start.map((value, i) => (1 - share) * value + share * end[i]);
}

/** Return a code as text for an address: 16 bits a number, base64url. */
export function toText(code) {
  const bytes = new DataView(new ArrayBuffer(2 * code.length));
  code.forEach((value, i) => {
    const steps = Math.round(value / STEP);
    bytes.setInt16(2 * i, Math.max(-32768, Math.min(32767, steps)), true);
  });
  const letters = String.fromCharCode(...new Uint8Array(bytes.buffer));
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Return the code of a text, null where it is none of this length. */
export function fromText(text, length) {
  let letters;
  try {
    letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
  if (letters.length !== 2 * length) return null;
  const bytes = new DataView(Uint8Array.from(letters, (letter) => letter.charCodeAt(0)).buffer);
  return Float32Array.from({ length }, (_, i) => bytes.getInt16(2 * i, true) * STEP);
}

/** Return the part of an address behind # for a face: model, code, seed and strengths. */
export function toHash({ model, code, seed, temperature, strengths }) {
  const values = new URLSearchParams({ model });
  if (code) values.set("code", toText(code));
  if (code && seed !== null) {
    values.set("seed", seed);
    values.set("temperature", temperature);
  }
  for (const [attribute, strength] of Object.entries(strengths)) {
    if (strength) values.set(attribute, strength);
  }
  return `#${values}`;
}

/** Return what the part of an address behind # says; what is missing or wrong is null or left out. */
export function fromHash(hash, models) {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const number = (name, least, most) => {
    const value = Number.parseFloat(values.get(name));
    return value >= least && value <= most ? value : null;
  };
  return {
    model: models.includes(values.get("model")) ? values.get("model") : null,
    text: values.get("code"),
    seed: number("seed", 0, 2 ** 32 - 1),
    temperature: number("temperature", 0, 2),
    strength: (attribute) => number(attribute, -2, 2) ?? 0,
  };
}
