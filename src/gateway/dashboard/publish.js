// The form that publishes one event and says where it stands, or what is wrong with it.

const publishResult = (kind, words) => {
  const output = byId("publish-result");
  output.className = kind;
  setText(output, words);
};

const isJson = (text) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

// Marks the field that the server names.
const markField = (named) => {
  const fields = { topic: "publish-topic", type: "publish-type", "ce-type": "publish-type", data: "publish-data" };
  for (const id of Object.values(fields)) byId(id).removeAttribute("aria-invalid");
  const id = fields[named];
  if (id) {
    byId(id).setAttribute("aria-invalid", "true");
    byId(id).focus();
  }
};

const publish = async () => {
  const data = byId("publish-data").value;
  const headers = { "content-type": isJson(data) ? "application/json" : "text/plain; charset=utf-8" };
  const type = byId("publish-type").value.trim();
  if (type) headers["ce-type"] = encodeURIComponent(type);
  const topic = encodeURIComponent(byId("publish-topic").value.trim());
  const answer = await fetch(`api/v1/topics/${topic}/events`, { method: "POST", headers, body: data });
  const body = await answer.json();
  if (answer.ok) {
    markField(null);
    publishResult("good", `Published at ${body.first}.`);
  } else {
    markField(body.field);
    publishResult("bad", `${answer.status}: ${body.detail}`);
  }
};

byId("publish").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  try {
    await publish();
  } catch {
    publishResult("bad", "The server does not answer.");
  }
  button.disabled = false;
});
