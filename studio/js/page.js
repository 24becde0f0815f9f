// Small helpers for the page.

export const get = (id) => document.getElementById(id);

/** Return a function that runs a task, and once more where it was asked for again meanwhile. */
export function latest(task) {
  let running = null;
  let again = false;
  const run = async () => {
    do {
      again = false;
      await task();
    } while (again);
  };
  return () => {
    if (running) {
      again = true;
      return running;
    }
    running = run().finally(() => {
      running = null;
    });
    return running;
  };
}

/** Say something to the reader; errors stay until the next word. */
export function say(text, isError = false) {
  get("status").textContent = text;
  get("status").classList.toggle("error", isError);
}

/** Return a name such as "Blond_Hair" as a reader's words. */
export function words(attribute) {
  const text = attribute.replaceAll("_", " ").replace("o Clock", "o’clock").toLowerCase();
  return text[0].toUpperCase() + text.slice(1);
}

/** Return a number with two decimals, and a true minus. */
export function decimals(value) {
  return Number(value).toFixed(2).replace("-", "−");
}

/** Make an element: its tag, properties and children. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Return a labelled slider and its input. */
export function slider(label, { min, max, step, value, id }) {
  const input = make("input", { type: "range", id, min, max, step, value });
  const output = make("output", {}, decimals(value));
  output.htmlFor = id;
  input.addEventListener("input", () => {
    output.textContent = decimals(input.value);
  });
  const row = make("label", { className: "slider" }, make("span", {}, label), input, output);
  return { row, input, output };
}
