// @ts-check
/**
 * The shapes of what goes over HTTP and the socket, as types only: no code, and nothing loads this
 * file at run time. Names and units are the contract's (`PROTOCOL.md`): times are RFC 3339 text,
 * money is an integer of minor units. Answers may hold more fields than listed. Twin of
 * `python/shapes.py`.
 *
 * @typedef {"student"|"instructor"|"operator"|"finance"|"service"} Role
 *
 * @typedef {object} Discount `amount` for amount_off; `percent` taken off (20 = 8折) for percent_off
 * @property {"amount_off"|"percent_off"} kind
 * @property {number} [amount]
 * @property {number} [percent]
 * @property {number|null} [max_amount]
 *
 * @typedef {object} Validity
 * @property {"fixed"|"relative"} kind
 * @property {string} [from]
 * @property {string} [until]
 * @property {number} [seconds]
 * @property {boolean} [cap_at_batch_end]
 *
 * @typedef {{min_amount: number}} Threshold
 * @typedef {{courses: string[], packages: string[]}} Scope
 * @typedef {{colour?: string, image?: string}} Style
 * @typedef {Record<string, string>} Metadata
 *
 * @typedef {object} TemplateForm
 * @property {string} name
 * @property {string} description
 * @property {string} currency
 * @property {Discount} discount
 * @property {Threshold} threshold
 * @property {Scope} scope
 * @property {Validity} validity
 * @property {Style} [style]
 * @property {string} [use_url]
 * @property {Metadata} [metadata]
 * @typedef {TemplateForm & {id: string, version: number}} Template
 *
 * @typedef {object} BatchForm
 * @property {string} template_id
 * @property {string} name
 * @property {number|null} quantity
 * @property {string} channel
 * @property {number} per_student
 * @property {string} [code_prefix]
 * @property {number} [hold_seconds]
 * @property {string} [campaign_id]
 * @property {{room: string, quantity?: number}[]} [rooms]
 * @property {{from: string, until: string}} [claim_window]
 * @property {{tags?: string[], new?: boolean}} [claim_conditions] what an account must be to claim
 * @property {Metadata} [metadata]
 * @typedef {{name: string, currency: string, discount: Discount}} Offer What a teacher must know of a batch's template to drop it
 * @typedef {BatchForm & {id: string, template: Offer, remaining: number|null, droppable: number, stopped?: Stop}} Batch `droppable`: the most that the caller could put into one drop now
 *
 * @typedef {{claims: boolean, use: boolean, reason: string, changed_by: string, changed_at: string}} Stop What is stopped now; the rest is of the last change
 * @typedef {{claims?: boolean, use?: boolean, reason?: string}} StopForm Which of the two: what is not named stays as it is
 * @typedef {{name: string, from: string, until: string}} Phase
 *
 * @typedef {object} CampaignForm
 * @property {string} name
 * @property {string} purpose
 * @property {string} starts_at
 * @property {string} ends_at
 * @property {{money?: {amount: number, currency: string}, pieces?: number}} [budget]
 * @property {Phase[]} [phases]
 * @property {number} [per_student] claims of one student over all its batches
 * @property {Metadata} [metadata]
 *
 * @typedef {{amount: number, currency?: string, free: number, exposed: number, settled: number, warnings: {level: number, at: string}[]}} BudgetParts amount = free + exposed (out, not used yet, at its greatest) + settled (really taken off)
 *
 * @typedef {object} Campaign
 * @property {string} id
 * @property {string} name
 * @property {string} purpose
 * @property {string} starts_at
 * @property {string} ends_at
 * @property {{money?: BudgetParts, pieces?: BudgetParts}} [budget]
 * @property {Phase[]} phases
 * @property {string} [phase] the name of the one that is now
 * @property {number} [per_student]
 * @property {Stop} [stopped] only while something is
 * @property {Metadata} metadata
 * @property {string} created_by
 * @property {string} created_at
 *
 * @typedef {object} DropForm
 * @property {string} batch_id
 * @property {number} quantity
 * @property {number} duration_seconds
 * @property {string} [message]
 * @property {"now"|"prepared"} [start]
 * @property {number} [opens_in_seconds]
 * @property {{tags?: string[], students?: string[]}} [audience]
 * @property {"first"|"draw"} [mode]
 * @property {Metadata} [metadata]
 *
 * @typedef {"prepared"|"scheduled"|"open"|"sold_out"|"drawing"|"closed"} DropState
 *
 * @typedef {object} Drop A drop as its room is told of it. In a session `state` follows server time
 * @property {string} id
 * @property {DropState} state
 * @property {string} name
 * @property {string} description
 * @property {string} message
 * @property {string} currency
 * @property {Discount} discount
 * @property {Threshold} threshold
 * @property {Scope} scope
 * @property {Validity} validity
 * @property {number} [hold_seconds]
 * @property {string} [use_url]
 * @property {Style} [style]
 * @property {"first"|"draw"} mode
 * @property {number} quantity
 * @property {number} remaining
 * @property {string} opens_at
 * @property {string} closes_at
 * @property {string} [closed_at]
 * @property {"ended"|"sold_out"|"stopped"} [close_reason]
 * @property {number} [claimed] instructors only, as the six below
 * @property {number} [confirmed]
 * @property {number} [redeemed]
 * @property {number} [released]
 * @property {number} [returned]
 * @property {number} [settled_difference]
 * @property {number} [reached]
 * @property {number} [present]
 *
 * @typedef {object} DropReport What an instructor is shown of a drop (`GET …/drops/{id}`). What has `_total` beside it can fall
 * @property {string} id
 * @property {string} room
 * @property {string} batch_id
 * @property {string} name
 * @property {string} currency
 * @property {Discount} discount
 * @property {DropState} state
 * @property {"first"|"draw"} mode
 * @property {string} message
 * @property {number} quantity
 * @property {number} remaining
 * @property {number} duration_seconds
 * @property {number} opens_in_seconds
 * @property {string|null} opens_at
 * @property {string|null} closes_at
 * @property {string} [closed_at]
 * @property {string} [close_reason]
 * @property {number} reached
 * @property {number} claimed
 * @property {number} claimed_total
 * @property {number} confirmed
 * @property {number} confirmed_total
 * @property {number} redeemed
 * @property {number} redeemed_total
 * @property {number} free quantity = free + held + redeemed + returned + difference
 * @property {number} held
 * @property {number} released not used in time: their units are among the others again
 * @property {number} returned
 * @property {number} revoked
 * @property {number} present
 * @property {number|null} present_at_open
 * @property {number} gmv
 * @property {number} discount_total
 * @property {number} difference
 * @property {number|null} settled_difference not 0: desk and ledger disagree
 * @property {Metadata} metadata
 * @property {string} created_at
 *
 * @typedef {{student: string, state: string, won_at: string, confirmed_at: string|null}} DropClaim
 *
 * @typedef {object} Coupon
 * @property {string} id
 * @property {string} code
 * @property {string} name
 * @property {string} valid_from
 * @property {string} valid_until
 * @property {string} use_by the one date to show
 * @property {string} [use_url]
 *
 * @typedef {Coupon & {state: string, template: object, drop_id?: string, batch_id: string}} WalletCoupon
 * @typedef {{coupons: WalletCoupon[], pending: {drop_id: string, state: string, won_at: string}[], next: string|null}} Wallet
 *
 * @typedef {object} ClaimAnswer
 * @property {string} request_id
 * @property {string} drop_id
 * @property {string} outcome
 * @property {string} [coupon_id]
 * @property {Coupon} [coupon] only over HTTP, where it is confirmed already
 * @property {number} [retry_after_ms]
 * @property {"batch"|"device"|"person"|"campaign"} [limit]
 *
 * @typedef {object} Snapshot
 * @property {string} room
 * @property {string} student
 * @property {string} now
 * @property {string} epoch
 * @property {number} offset
 * @property {number} present
 * @property {Drop[]} drops
 * @property {{drop_id: string, state: string, won_at: string, coupon?: Coupon}[]} claims
 *
 * @typedef {object} OrderLine
 * @property {string} id
 * @property {string} course
 * @property {string[]} [packages]
 * @property {number} unit_price
 * @property {number} quantity
 * @property {number} [list_price]
 * @property {"course"|"shipping"|"tax"|"fee"} [kind]
 * @typedef {{currency: string, lines: OrderLine[]}} Order
 *
 * @typedef {{student?: string, order: Order, coupons?: string[]|"best"}} QuoteForm
 * @typedef {{id: string, discount: number, payable: number}} PricedLine
 *
 * @typedef {object} Quote
 * @property {number} subtotal
 * @property {number} discount
 * @property {number} payable
 * @property {PricedLine[]} lines
 * @property {{code: string, discount: number}[]} applied
 * @property {{codes: string[], discount: number, exact: boolean}} best
 * @property {{code: string, name: string, discount: number, adds: number, use_by: string}[]} usable
 * @property {{code: string, reason: string, short_by?: number}[]} unusable
 *
 * @typedef {{order_id: string, student: string, order: Order, coupons: string[], expected_payable?: number}} RedemptionForm
 *
 * @typedef {object} Redemption
 * @property {string} id
 * @property {"locked"|"redeemed"|"cancelled"|"expired"} state
 * @property {string} expires_at
 * @property {number} discount
 * @property {number} payable
 * @property {PricedLine[]} lines
 *
 * @typedef {"connecting"|"joining"|"live"|"waiting"|"stopped"} Status
 * @typedef {"pending"|"won"|"confirmed"|"entered"|"refused"|"answered"|"released"|"revoked"} ClaimState
 *
 * @typedef {object} Claim My claim of one drop. `refused`: see `outcome`. `answered`: an outcome newer than this SDK
 * @property {string} drop_id
 * @property {ClaimState} state
 * @property {string} [request_id]
 * @property {string} [outcome] the contract's outcome, or the error code of a claim over HTTP that cannot be repeated
 * @property {string} [limit] with limit_reached: batch, device, person, campaign
 * @property {string} [won_at]
 * @property {string} [coupon_id]
 * @property {Coupon} [coupon] when confirmed
 * @property {string} [reason] when released or revoked
 *
 * @typedef {object} RoomState
 * @property {string} room
 * @property {string|null} student
 * @property {Status} status
 * @property {number|null} closeCode why the connection is waiting or stopped; null where nothing was said
 * @property {number|null} retryAt local ms of the next attempt while waiting
 * @property {number} clockOffsetMs server time minus local time
 * @property {number} present
 * @property {Drop[]} drops in the order they were told
 * @property {Record<string, Claim>} claims by drop id
 *
 * @typedef {{type: "status", status: Status, code: number|null}} StatusEvent
 * @typedef {{type: "welcome"}} WelcomeEvent everything may be new: show `state` afresh
 * @typedef {{type: "drop_opened"|"drop_changed"|"drop_progress"|"drop_closed"|"drop_removed", drop: Drop}} DropEvent
 * @typedef {{type: "presence", present: number}} PresenceEvent instructors only
 * @typedef {{type: "claim", claim: Claim}} ClaimEvent
 * @typedef {{type: "error", code: string, message: string, retry_after_ms: number|null}} ErrorEvent
 * @typedef {StatusEvent|WelcomeEvent|DropEvent|PresenceEvent|ClaimEvent|ErrorEvent} RoomEvent
 *
 * What the driver is to do.
 * - `connect`: open a socket; report `opened`, `frame`, `closed` of this one only
 * - `disconnect`: drop the socket, and report nothing of it any more
 * - `request_token`: report `token` or `tokenFailed`
 * - `claim_over_http`: report `httpAnswered` or `httpFailed`
 * - `wake_at`: call `tick` then (local ms); replaces an earlier one
 *
 * @typedef {{do: "connect"} | {do: "send", text: string} | {do: "emit", event: RoomEvent}
 *   | {do: "request_token"} | {do: "claim_over_http", drop_id: string, request_id: string}
 *   | {do: "disconnect", code: number} | {do: "wake_at", at: number}} Effect
 */

export {};
