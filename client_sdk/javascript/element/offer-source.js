// @ts-check
/**
 * Where an offer's card comes from and how it is claimed: a link, or a ticket of the changing QR code.
 *
 * Used by `<classdrop-offer>`, which shows both alike.
 */

import { ApiError } from "../transport.js";

/** @typedef {import("../api.js").Api} Api */
/** @typedef {import("../shapes.js").ClaimReply} ClaimReply */
/** @typedef {import("../shapes.js").Drop} Drop */
/** @typedef {{state: string, reason?: string, drop: Drop}} OfferCard */

/**
 * @typedef {object} OfferSource
 * @property {(api: Api) => Promise<OfferCard>} read
 * @property {(api: Api, requestId: string, random: string) => Promise<ClaimReply>} claim
 * @property {(api: Api, visitor: string) => Promise<unknown>} visit tell that somebody has it on the screen
 */

/** The state to show for an error that is an answer; undefined for one that passes.
 * @type {Record<string, string>} */
const STATE_OF_ERROR = {
  not_found: "missing",
  ticket_invalid: "missing",
  ticket_expired: "expired",
};

/** The states of a room's drop, in the words of a link. @type {Record<string, string>} */
const STATE_OF_DROP = {
  sold_out: "exhausted",
  closed: "ended",
  drawing: "ended",
  aborted: "ended",
};

/** @param {unknown} error @returns {string|undefined} */
export function stateOfError(error) {
  return error instanceof ApiError ? STATE_OF_ERROR[error.code] : undefined;
}

/** @param {string} link @returns {OfferSource} */
export function ofLink(link) {
  return {
    read: (api) => api.linkCard(link),
    claim: (api, requestId) => api.claimByLink(link, requestId),
    visit: (api, visitor) => api.countVisitor(link, visitor),
  };
}

/** @param {string} ticket @returns {OfferSource} */
export function ofTicket(ticket) {
  return {
    async read(api) {
      const { drop } = await api.ticketCard(ticket);
      return { state: STATE_OF_DROP[drop.state] ?? "active", reason: drop.close_reason, drop };
    },
    claim: (api, requestId, random) => api.claimByTicket(ticket, requestId, random),
    visit: () => Promise.resolve(),
  };
}
