// A binary message: one event with bytes as data, after a header.

const BINARY_VERSION = 1;
const BASE64_CHUNK = 0x8000; // arguments of one call

const base64 = (bytes) => {
  let text = "";
  for (let at = 0; at < bytes.length; at += BASE64_CHUNK) {
    text += String.fromCharCode(...bytes.subarray(at, at + BASE64_CHUNK));
  }
  return btoa(text);
};

// A byte of version, then id, topic, type and content type, each after its length in two bytes.
const binaryEvent = (buffer) => {
  const view = new DataView(buffer);
  if (view.getUint8(0) !== BINARY_VERSION) return { type: "unknown" };
  let at = 1;
  const [id, topic, event, datacontenttype] = Array.from({ length: 4 }, () => {
    const field = new Uint8Array(buffer, at + 2, view.getUint16(at));
    at += 2 + field.length;
    return new TextDecoder().decode(field);
  });
  const data_base64 = base64(new Uint8Array(buffer, at));
  return { type: "event", id, topic, event, datacontenttype, data_base64 };
};

