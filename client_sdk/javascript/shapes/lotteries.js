// @ts-check
/**
 * Lotteries: prizes by published odds, a student's chances, and spins that can be computed again. Twin of
 * `python/shapes/lotteries.py`.
 *
 * @module
 */

/** @import {Template} from "./templates.js" */

/** @typedef {"active"|"paused"|"ended"} LotteryState */
/** @typedef {"wheel"|"scratch"|"box"|"signin"} LotteryFace */
/** @typedef {"nothing"|"next"} EmptyPolicy */
/** @typedef {"won"|"nothing"|"no_chance_left"|"not_open"} SpinOutcome */

/**
 * `batch_id` null: nothing is won. `ppm`: its odds in parts of a million, a million in all. `quantity`,
 * `per_day`: how often it is won at most, ever and on a day.
 *
 * @typedef {object} PrizeForm
 * @property {string|null} batch_id
 * @property {number} ppm
 * @property {number|null} [quantity]
 * @property {number|null} [per_day]
 * @property {string|null} [name]
 */

/**
 * The spins of one student, ever and on a day of the school.
 *
 * @typedef {object} ChancesForm
 * @property {number} per_student
 * @property {number|null} [per_day]
 */

/**
 * A student may win `count` times in the last `days` days of the school, today among them.
 *
 * @typedef {object} WinLimit
 * @property {number} count
 * @property {number} days
 */

/**
 * The time in which one may spin, [from, until).
 *
 * @typedef {object} LotteryWindowForm
 * @property {string|null} [from]
 * @property {string|null} [until]
 */

/**
 * `empty_policy`: what a spin wins whose prize is gone: nothing, or the next prize that is left.
 *
 * @typedef {object} LotteryForm
 * @property {string} name
 * @property {PrizeForm[]} prizes
 * @property {ChancesForm} chances
 * @property {WinLimit|null} [win_limit]
 * @property {LotteryWindowForm|null} [window]
 * @property {LotteryFace} [face]
 * @property {EmptyPolicy} [empty_policy]
 * @property {string|null} [legal]
 * @property {Record<string, string>|null} [metadata]
 */

/**
 * Fields that are sent are changed. Prizes, odds and chances never are.
 *
 * @typedef {object} LotteryEdit
 * @property {LotteryState|null} [state]
 * @property {string|null} [name]
 * @property {string|null} [legal]
 * @property {LotteryWindowForm|null} [window]
 * @property {string} [reason]
 */

/**
 * `place`: its place in the list, from 0. `left`: it can still be won. `won` and `won_today` are for
 * operators. `template` is absent where nothing is won.
 *
 * @typedef {object} Prize
 * @property {number} place
 * @property {string} name
 * @property {number} ppm
 * @property {string|null} batch_id
 * @property {number} [quantity]
 * @property {number} [per_day]
 * @property {boolean} left
 * @property {number} [won]
 * @property {number} [won_today]
 * @property {Template} [template]
 */

/**
 * The spins of one student, ever and on a day of the school.
 *
 * @typedef {object} Chances
 * @property {number} per_student
 * @property {number} [per_day]
 */

/**
 * @typedef {object} LotteryWindow
 * @property {string} [from]
 * @property {string} [until]
 */

/**
 * A day of the school. `commitment`: the SHA-256 of its seed; `seed` is there once the day is over.
 *
 * @typedef {object} LotteryDay
 * @property {string} day
 * @property {string} commitment
 * @property {string} committed_at
 * @property {string} [seed]
 */

/**
 * A lottery with its odds. `open`: one may spin now. `chances_left` and `spins`: the student's. `days`: today
 * and tomorrow.
 *
 * @typedef {object} Lottery
 * @property {string} id
 * @property {string} name
 * @property {LotteryState} state
 * @property {boolean} open
 * @property {LotteryFace} face
 * @property {EmptyPolicy} empty_policy
 * @property {Prize[]} prizes
 * @property {Chances} chances
 * @property {WinLimit} [win_limit]
 * @property {number} [chances_left]
 * @property {number} [spins]
 * @property {LotteryWindow} [window]
 * @property {string} [legal]
 * @property {LotteryDay[]} days
 * @property {string} url
 * @property {string} created_at
 * @property {Record<string, string>} metadata
 */

/**
 * A page of lotteries, newest first. `next` is null on the last page.
 *
 * @typedef {object} Lotteries
 * @property {Lottery[]} lotteries
 * @property {string|null} next
 */

/**
 * The prize that a spin has won.
 *
 * @typedef {object} WonPrize
 * @property {number} place
 * @property {string} name
 * @property {string} batch_id
 */

/**
 * The coupon as it was won; the wallet has its state.
 *
 * @typedef {object} PrizeCoupon
 * @property {string} id
 * @property {string} code
 * @property {string} name
 * @property {string} batch_id
 * @property {string} valid_from
 * @property {string} valid_until
 * @property {string} use_by
 */

/**
 * The answer to a request, the same for ever. A refusal has no number and costs no chance.
 *
 * @typedef {object} Spin
 * @property {string} request_id
 * @property {string} lottery_id
 * @property {SpinOutcome} outcome
 * @property {string} [id]
 * @property {number} [n]
 * @property {string} [day]
 * @property {number} [number]
 * @property {number} [drawn]
 * @property {WonPrize} [prize]
 * @property {PrizeCoupon} [coupon]
 */

/**
 * A spin with what is needed to compute it again; `verifySpins` does. `outcome` is absent while its coupon is
 * on its way, `prize` where nothing was won.
 *
 * @typedef {object} SpinRecord
 * @property {string} id
 * @property {string} student
 * @property {string} request_id
 * @property {number} n
 * @property {string} day
 * @property {string} at
 * @property {number} number
 * @property {number} drawn
 * @property {SpinOutcome} [outcome]
 * @property {number} [prize]
 * @property {string} [coupon_id]
 * @property {string} commitment
 * @property {string} [seed]
 */

/**
 * A page of spins, newest first. `next` is null on the last page.
 *
 * @typedef {object} Spins
 * @property {SpinRecord[]} spins
 * @property {string|null} next
 */

export {};
