// @ts-check
/** Send again to those who got none for a reason that may be over: stock, budget, a stop, a block, a window. */

import { newRequestId } from "/sdk/transport.js";
import { RETRIED } from "./progress.js";

/** @import { Issuance } from "/sdk/shapes.js" */
/** @import { Host } from "../shared/host.js" */

const PAGE = 200;
const MOST_NAMED = 1_000;
const MOST = 20_000;

/**
 * Up to 1,000 are named; more become an audience of their own.
 * @param {Host} host @param {Issuance} send @param {HTMLElement} said where it is told how far the search is
 */
export async function sendAgain(host, send, said) {
  const { api, language } = host;
  const students = await studentsWithout(host, send, said);
  if (students.length === 0) {
    said.textContent = language.say("send_again_none");
    return;
  }
  const reason = language.say("send_again_reason", { reason: send.reason }).slice(0, 200);
  const what = send.batch_id ? { batch_id: send.batch_id } : { pack_id: send.pack_id };
  const who =
    students.length <= MOST_NAMED
      ? { students }
      : { audience_id: await saved(host, reason.slice(0, 60), students) };
  const made = await api.createIssuance(
    { ...what, ...who, reason },
    { idempotencyKey: newRequestId() },
  );
  host.go({ page: "sends", id: made.id });
}

/** @param {Host} host @param {Issuance} send @param {HTMLElement} said @returns {Promise<string[]>} */
async function studentsWithout({ api, language }, send, said) {
  /** @type {string[]} */
  const students = [];
  for (const outcome of RETRIED) {
    /** @type {string|undefined} */
    let after;
    do {
      const page = await api.listIssuanceItems(send.id, { limit: PAGE, after, outcome });
      students.push(...page.items.map(({ student }) => student));
      said.textContent = language.say("send_again_found", { n: students.length });
      after = page.next ?? undefined;
    } while (after && students.length < MOST);
  }
  return students.slice(0, MOST);
}

/** @param {Host} host @param {string} name @param {string[]} students @returns {Promise<string>} */
async function saved({ api }, name, students) {
  const { id } = await api.createAudience({ name, kind: "list", students });
  return id;
}
