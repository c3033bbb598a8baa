// JSON as it came. JSON.parse rounds numbers (9007199254740993, 1.10), so what is shown is cut from the
// text, which is known to be JSON.

const stringEnd = (text, start) => {
  let end = start;
  do {
    end = text.indexOf('"', end + 1);
    if (end < 0) return text.length;
    let slashes = 0;
    while (text[end - 1 - slashes] === "\\") slashes += 1;
    if (slashes % 2 === 0) return end + 1;
  } while (true);
};

// The tokens of a text, each with where it starts and ends.
const tokens = function* (text) {
  for (let at = 0; at < text.length; ) {
    const first = text[at];
    let end = at + 1;
    if (first === '"') end = stringEnd(text, at);
    else if (!"{}[],: \t\n\r".includes(first)) {
      while (end < text.length && !"{}[],: \t\n\r".includes(text[end])) end += 1;
    }
    if (!" \t\n\r".includes(first)) yield [text.slice(at, end), at, end];
    at = end;
  }
};

// The value of a member of the object that a text is, as it stands there.
const rawMember = (text, wanted) => {
  let [depth, name, start] = [0, null, 0];
  for (const [token, at, end] of tokens(text)) {
    if ("}]".includes(token)) depth -= 1;
    const ends = depth === 0 ? token === "}" : depth === 1 && token === ",";
    if (ends && name === wanted) return text.slice(start, at).trim();
    if (ends) name = null;
    else if (depth === 1 && token === ":") start = end;
    else if (depth === 1 && name === null) name = JSON.parse(token);
    if ("{[".includes(token)) depth += 1;
  }
  return undefined;
};

// A text with a line for each member and element.
const indented = (text) => {
  let [out, indent, opened] = ["", "", false];
  for (const [token] of tokens(text)) {
    const closes = "}]".includes(token);
    if (closes) indent = indent.slice(2);
    if (closes !== opened) out += `\n${indent}`;
    out += token;
    opened = "{[".includes(token);
    if (opened) indent += "  ";
    if (token === ",") out += `\n${indent}`;
    if (token === ":") out += " ";
  }
  return out;
};

