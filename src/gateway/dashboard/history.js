// History: what is kept, newest first, a page at a time. The rows are those of the tail.

const HISTORY_PAGE = 50;
const HISTORY_ROWS = 500;

const past = { list: byId("history"), next: null, asked: 0 };

const historyNotice = (words) => {
  byId("history-notice").hidden = !words;
  setText(byId("history-notice"), words);
};

const historyQuery = () => {
  const query = new URLSearchParams({ order: "desc", limit: HISTORY_PAGE });
  for (const pattern of byId("history-topic").value.split(/[\s,]+/)) {
    if (pattern) query.append("topic", pattern);
  }
  if (past.next) query.set("cursor", past.next);
  return query;
};

// The events of a page as they stand in its text: JSON.parse would round their numbers.
const eventTexts = (text) => {
  const list = rawMember(text, "events") ?? "[]";
  let [depth, start, texts] = [0, 0, []];
  for (const [token, at, end] of tokens(list)) {
    if (token === "{" && depth === 1) start = at;
    if ("{[".includes(token)) depth += 1;
    if ("}]".includes(token)) depth -= 1;
    if (token === "}" && depth === 1) texts.push(list.slice(start, end));
  }
  return texts;
};

const showPage = (text) => {
  const page = JSON.parse(text);
  const rows = eventTexts(text).map((data, index) => {
    const { position } = page.events[index];
    return rowOf({ id: position, data });
  });
  past.list.append(...rows);
  past.next = page.next;
  for (const gap of page.gaps ?? []) {
    historyNotice(`Missing (${gap.reason}): ${gap.from} to ${gap.to}.`);
  }
  const shown = past.list.childElementCount;
  byId("history-older").disabled = !page.next || shown >= HISTORY_ROWS;
  const more = page.has_more ? ", and there are older ones" : "";
  setText(byId("history-count"), `${plural(shown, "event")}${more}.`);
};

// Asks for a page; what was asked for before and has not come is left alone.
const askHistory = async () => {
  past.asked += 1;
  const asked = past.asked;
  historyNotice("");
  let words = "Nobody answers.";
  try {
    const answer = await fetch(`api/v1/events/history?${historyQuery()}`);
    const text = await answer.text();
    if (asked !== past.asked) return;
    if (answer.ok) return showPage(text);
    words = JSON.parse(text).detail;
  } catch {
    if (asked !== past.asked) return;
  }
  historyNotice(words);
};

byId("history-form").addEventListener("submit", (event) => {
  event.preventDefault();
  past.next = null;
  past.list.replaceChildren();
  askHistory();
});
byId("history-older").addEventListener("click", askHistory);
