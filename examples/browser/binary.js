// A binary message: one event with bytes as data, after a header.

/** Reads a byte of version, then id, topic, type and content type, each after its length, then bytes. */
export function binaryEvent(buffer) {
  const view = new DataView(buffer);
  if (view.getUint8(0) !== 1) return { type: 'unknown' };
  let at = 1;
  const field = () => {
    const text = new Uint8Array(buffer, at + 2, view.getUint16(at));
    at += 2 + text.length;
    return new TextDecoder().decode(text);
  };
  const [id, topic, event, datacontenttype] = [field(), field(), field(), field()];
  return { type: 'event', id, topic, event, datacontenttype, bytes: new Uint8Array(buffer, at) };
}
