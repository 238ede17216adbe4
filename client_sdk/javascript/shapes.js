// @ts-check
/**
 * The shapes of what goes over HTTP and the socket, as types only: no code, and nothing loads this
 * file at run time. Names and units are the contract's (`PROTOCOL.md`): times are RFC 3339 text,
 * money is an integer of minor units. Answers may hold more fields than listed. Twin of
 * `python/shapes.py`.
 *
 * @typedef {"student"|"instructor"|"operator"|"finance"|"service"} Role
 *
 * @typedef {object} Discount `amount` for amount_off; `percent` taken off (20 = 8折) for percent_off, `of` the total (absent) or of each line; items_free: from `from_items` pieces the `free_items` cheapest are free; gift: a `course` at 0; rebate: `credit` is credited `after` the payment or the return window
 * @property {"amount_off"|"percent_off"|"items_free"|"gift"|"rebate"} kind
 * @property {number} [amount]
 * @property {number} [percent]
 * @property {number|null} [max_amount]
 * @property {"total"|"lines"} [of]
 * @property {number} [from_items]
 * @property {number} [free_items]
 * @property {string} [course]
 * @property {string} [name]
 * @property {number} [list_price]
 * @property {number} [quantity]
 * @property {Discount} [credit]
 * @property {"payment"|"return_window"} [after]
 * @property {number} [return_window_days]
 *
 * @typedef {object} Validity
 * @property {"fixed"|"relative"} kind
 * @property {string} [from]
 * @property {string} [until]
 * @property {number} [seconds]
 * @property {boolean} [cap_at_batch_end]
 * @property {number} [wait_seconds]
 *
 * @typedef {"goods"|"shipping"|"tax"|"fee"} Deducts
 * @typedef {{min_amount: number, min_quantity?: number, counted?: "before"|"after"}} Threshold Of the goods in scope, `counted` before other coupons (absent) or after those before it
 * @typedef {{courses: string[], packages: string[], except_courses?: string[], except_packages?: string[], sale_prices?: boolean, more?: number}} Scope Empty = everything. `sale_prices` false: not on lines below their list price. `more`, on a drop: courses and packages that are not listed here, because there are too many
 * @typedef {"product"|"order"|"shipping"} StackingClass
 * @typedef {{class: StackingClass, combines_with: StackingClass[]}} Stacking
 * @typedef {{after_cancel?: "back"|"kept", after_refund?: "back"|"kept", after_partial_refund?: "back"|"kept", broken_threshold?: "keep"|"charge_back"}} Returns What becomes of a coupon whose order is undone
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
 * @property {Deducts[]} [deducts]
 * @property {Stacking} [stacking]
 * @property {number} [uses_per_student]
 * @property {Returns} [returns]
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
 * @typedef {BatchForm & {id: string, template: Offer, remaining: number|null, droppable: number, version: number, stopped?: Stop}} Batch `droppable`: the most that the caller could put into one drop now
 *
 * @typedef {object} BatchEdit What is to change. Once something is made of the batch: `name`, `metadata`,
 *   a later end of `claim_window`, a larger `quantity` (with `expected_quantity`, the one that was seen)
 * @property {string} [template_id]
 * @property {string} [name]
 * @property {number|null} [quantity]
 * @property {string} [channel]
 * @property {number} [per_student]
 * @property {string|null} [code_prefix]
 * @property {number|null} [hold_seconds]
 * @property {{room: string, quantity?: number}[]|null} [rooms]
 * @property {{from: string, until: string}|null} [claim_window]
 * @property {Metadata|null} [metadata]
 * @property {number} [expected_quantity]
 *
 * @typedef {object} CodeRun `made` of `quantity` codes are there
 * @property {string} id
 * @property {string} batch_id
 * @property {"list"|"link"} source
 * @property {number} quantity
 * @property {number} made
 * @property {string} created_at
 *
 * @typedef {object} ListedCode
 * @property {string} id
 * @property {string} code
 * @property {string} state `unbound` until a student has it; then as a coupon's, or `voided`
 * @property {string} source
 * @property {string} created_at
 * @property {string} [student]
 * @property {string} [bound_at]
 * @property {string} [valid_from]
 * @property {string} [valid_until]
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
 * @property {Deducts[]} [deducts]
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
 * @property {number} [claimed] instructors only, as the seven below
 * @property {number} [confirmed]
 * @property {number} [redeemed]
 * @property {number} [released]
 * @property {number} [returned]
 * @property {number} [revoked]
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
 * @property {{tags: string[], students: string[]}} [audience] who alone may claim; absent: everybody in the room
 * @property {{tags: string[], new: boolean}} [claim_conditions] what its batch asks of accounts
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
 * @property {string} [state] usable (absent: usable), locked, redeemed, expired, voided
 * @property {number} [version] how many moves it has made
 * @property {string} [order_id] while it is locked or redeemed
 * @property {string} [locked_until] while it is locked
 * @property {string} [redeemed_at] when it was used
 *
 * @typedef {object} CouponChange A coupon of mine has moved; without `drop_id` no drop gave it
 * @property {string} coupon_id
 * @property {string} [drop_id]
 * @property {string} state
 * @property {number} [version]
 * @property {string} [use_by]
 * @property {string} [order_id]
 * @property {string} [locked_until]
 * @property {string} [redeemed_at]
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
 * @property {number} [floor_price]
 * @typedef {{currency: string, lines: OrderLine[]}} Order
 *
 * @typedef {{student?: string, order: Order, coupons?: string[]|"best", balance?: number, order_id?: string}} QuoteForm
 * @typedef {{id: string, discount: number, payable: number}} PricedLine
 *
 * @typedef {object} Quote
 * @property {{available: number, used: number}} balance `used`: the last part of the discount
 * @property {number} subtotal
 * @property {number} discount
 * @property {number} payable
 * @property {PricedLine[]} lines
 * @property {Applied[]} applied
 * @property {QuotedGift[]} gifts
 * @property {QuotedRebate[]} rebates
 * @property {{codes: string[], discount: number, exact: boolean}} best
 * @property {Usable[]} usable
 * @property {Unusable[]} unusable
 * @property {Hint[]} hints
 *
 * @typedef {{code: string, discount: number, base: number, worth?: number}} Applied `base`: what it was computed on. `worth`: of a gift or rebate, which take nothing off
 * @typedef {{course: string, name?: string, quantity: number, list_price: number, coupon: string}} QuotedGift A line at 0; `list_price` is that of one piece, `coupon` the code that adds it
 * @typedef {{code: string, amount: number, after: "payment"|"return_window", days?: number}} QuotedRebate
 * @typedef {{code: string, name: string, discount: number, adds: number, worth?: number, fits: boolean, use_by: string}} Usable `fits`: can be combined with what is ticked
 * @typedef {{code: string, reason: string, short_by?: number, short_pieces?: number}} Unusable What is missing to the threshold: `short_by`, `short_pieces`
 * @typedef {{code: string, spend_more: number, pieces_more?: number, save_more: number, worth?: number}} Hint Spend `spend_more` more, or buy `pieces_more` more, and save `save_more` more
 *
 * @typedef {{order_id: string, student: string, order: Order, coupons: string[], expected_payable?: number, lock_seconds?: number, balance?: number}} RedemptionForm
 *
 * @typedef {{id: string, quantity?: number, amount?: number}} RefundLine so many pieces or so much money; neither: all that is left of the line
 * @typedef {{refund_id: string, lines?: RefundLine[], preview?: boolean}} RefundForm
 *
 * @typedef {object} Refund
 * @property {string} refund_id
 * @property {number} refunded to be paid back now: what its lines have, less `charged_back`
 * @property {number} charged_back
 * @property {number} total of the order
 * @property {number} balance went back to the student's account besides
 * @property {{id: string, refunded: number, quantity: number, refundable: number}[]} lines
 * @property {{code: string, state: string, reason?: "budget_short"}[]} coupons with `reason` it stays used, for its campaign's budget has no room for a second use
 * @property {string} created_at
 *
 * @typedef {object} Redemption
 * @property {string} id
 * @property {"locked"|"redeemed"|"cancelled"|"expired"} state
 * @property {number} version one more for each other lock that takes its place
 * @property {string} expires_at
 * @property {number} discount
 * @property {number} payable
 * @property {PricedLine[]} lines
 * @property {number} refunded
 * @property {Refund[]} refunds
 *
 * @typedef {object} BalanceEntry `amount` is signed
 * @property {string} id
 * @property {string} at
 * @property {string} currency
 * @property {number} amount
 * @property {"rebate"|"spent"|"given_back"|"taken_back"} kind
 * @property {string} [redemption_id]
 *
 * @typedef {object} Account A student's, from rebates; `entries` newest first
 * @property {{currency: string, amount: number}[]} balances
 * @property {BalanceEntry[]} entries
 * @property {string|null} next
 *
 * @typedef {object} CouponRecord `history`: the oldest move first, `state` what it led to
 * @property {string} id
 * @property {string} code
 * @property {string} state
 * @property {string} [student]
 * @property {string} source
 * @property {string} batch_id
 * @property {string} [drop_id]
 * @property {string} created_at
 * @property {string} [won_at]
 * @property {string} [bound_at]
 * @property {string} [redeemed_at]
 * @property {{at: string, event: string, state: string, order_id?: string}[]} history
 *
 * @typedef {object} OrderRecord `list_total`: before the school's own sale prices
 * @property {string} order_id
 * @property {number} list_total
 * @property {Record<string, unknown>[]} lines
 * @property {{discount: number, shares: Record<string, number>, coupon: CouponRecord}[]} coupons
 * @property {Redemption} redemption
 * @property {{version: number, cancelled_at: string, payable: number}[]} cancelled_locks of before `redemption`
 *
 * @typedef {object} Act Who did what to the thing of the id `subject`
 * @property {string} id
 * @property {string} at
 * @property {string} actor
 * @property {string} action
 * @property {string} subject
 * @property {Record<string, unknown>} detail
 *
 * @typedef {{acts: Act[], next: string|null}} Acts
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
 * @property {number|null} retryAt local ms (`performance.now()`) of the next attempt while waiting
 * @property {number} clockOffsetMs server time minus local ms (`performance.now()`, not the time of day)
 * @property {number} present
 * @property {Drop[]} drops in the order they were told
 * @property {Record<string, Claim>} claims by drop id
 *
 * @typedef {{type: "status", status: Status, code: number|null}} StatusEvent
 * @typedef {{type: "welcome"}} WelcomeEvent everything may be new: show `state` afresh
 * @typedef {{type: "drop_opened"|"drop_changed"|"drop_progress"|"drop_closed"|"drop_removed", drop: Drop}} DropEvent
 * @typedef {{type: "presence", present: number}} PresenceEvent instructors only
 * @typedef {{type: "claim", claim: Claim}} ClaimEvent
 * @typedef {{type: "coupon", coupon: CouponChange}} CouponEvent Beside the ClaimEvent of the claim that gave it, where a claim did
 * @typedef {{type: "error", code: string, message: string, retry_after_ms: number|null}} ErrorEvent
 * @typedef {StatusEvent|WelcomeEvent|DropEvent|PresenceEvent|ClaimEvent|CouponEvent|ErrorEvent} RoomEvent
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
