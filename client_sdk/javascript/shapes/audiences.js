// @ts-check
/**
 * Audiences: students as a list, by a tag or by a rule. Twin of `python/shapes/audiences.py`.
 *
 * @module
 */

/** @typedef {">="|"<="|"="|"in"|"within_days"|"not_within_days"} Comparison */

/** @typedef {"list"|"tag"|"rule"} AudienceKind */

/**
 * A comparison: `tag`, `in`, `["vip"]`. PROTOCOL.md lists the facts.
 *
 * @typedef {object} RuleCondition
 * @property {string} fact
 * @property {Comparison} op
 * @property {string|number|boolean|(string|number|boolean)[]} value
 */

/**
 * A comparison, or a group of them: either `fact`, `op` and `value`, or one of `all` and `any`.
 *
 * @typedef {object} RuleItem
 * @property {string} [fact]
 * @property {Comparison} [op]
 * @property {string|number|boolean|(string|number|boolean)[]} [value]
 * @property {RuleCondition[]} [all]
 * @property {RuleCondition[]} [any]
 */

/**
 * A rule: conditions of which all or any have to be true. One of the two is set.
 *
 * @typedef {object} Rule
 * @property {RuleItem[]} [all]
 * @property {RuleItem[]} [any]
 */

/**
 * An audience to create or replace. `kind` says which one of `students`, `tag` and `rule` is set.
 *
 * @typedef {object} SavedAudienceForm
 * @property {string} name
 * @property {AudienceKind} kind
 * @property {string[]} [students]
 * @property {string} [tag]
 * @property {Rule} [rule]
 * @property {Record<string, string>|null} [metadata]
 */

/**
 * An audience. `size`: the number of students of a list.
 *
 * @typedef {object} SavedAudience
 * @property {string} id
 * @property {number} version
 * @property {string} name
 * @property {AudienceKind} kind
 * @property {number} [size]
 * @property {string} [tag]
 * @property {Rule} [rule]
 * @property {Record<string, string>} metadata
 * @property {string} created_at
 */

/**
 * A page of audiences. `next` is null on the last page.
 *
 * @typedef {object} SavedAudiences
 * @property {SavedAudience[]} audiences
 * @property {string|null} next
 */

/**
 * The number of students who are in an audience now, and at most 20 of them.
 *
 * @typedef {object} AudiencePreview
 * @property {number} count
 * @property {string[]} sample
 */

export {};
