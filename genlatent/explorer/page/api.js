// Questions to the server: one sentence where something went wrong, patience where it is busy, and the newest wish first.

const status = document.getElementById("status");
const PATIENCE = 7; // times that a busy server is asked again

/** Say one sentence at the foot of the page; nothing hides it. */
export function say(sentence = "") {
  if (status.textContent !== sentence) status.textContent = sentence;
}

/** The answer to a question; without a body it is a plain look. */
export async function ask(path, body, method = body === undefined ? "GET" : "POST") {
  const wish = { method };
  if (body !== undefined) Object.assign(wish, { headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  for (let time = 0; ; time++) {
    const answer = await fetch(path, wish).catch(() => { throw new Refused(0, "the explorer has ended; start it again and reload this page"); });
    if (answer.ok) {
      say();
      return answer.status === 204 ? null : answer.json();
    }
    const { error } = await answer.json().catch(() => ({ error: `no answer (${answer.status})` }));
    if (answer.status !== 429 || time === PATIENCE) throw new Refused(answer.status, error);
    say("busy: others are asking as well");
    await sleep(80 * 1.7 ** time * (0.5 + Math.random()));
  }
}

/** What the server would not do, in its words. */
export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

export const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
export const frame = () => new Promise((done) => requestAnimationFrame(done));

/** `work`, one at a time: of what is wished meanwhile only the last is done. */
export function latest(work) {
  let wished = null, busy = false;
  return async function wish(...what) {
    wished = what;
    if (busy) return;
    busy = true;
    try {
      while (wished) {
        const now = wished;
        wished = null;
        await work(...now).catch((error) => say(error.message));
      }
    } finally {
      busy = false;
    }
  };
}
