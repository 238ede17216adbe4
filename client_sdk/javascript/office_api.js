// @ts-check
/**
 * `OfficeApi`: every HTTP call of PROTOCOL.md. Those of operators, finance, support and the school's back end
 * are here, the others in `api.js`, which is all that the pages of a class load. `index.js` exports it under
 * the name `Api`. Twin of `python/office_api.py`.
 *
 * @module
 */

import { Api } from "./api.js";
import { path } from "./transport.js";

/**
 * @import {
 *   AcceptedEvents, Acts, Alert, AlertActForm, Alerts, AlertState, Approval, Approvals, ApprovalState, AudiencePreview, Batch,
 *   BatchEdit, BatchEndForm, BatchForm, Block, BlockForm, BlockKind, Blocks, Campaign, CampaignEdit, CampaignForm,
 *   Campaigns, CodeRun, Codes, Consistency, ExamineForm, CodeSource, CouponFilter, CouponRecord, Deliveries, Delivery,
 *   Events, ExperimentForm, ExperimentResult, Experiments, FoundThings, Import, ImportFormat,
 *   Imports, InstructorStop, InstructorStops, Issuance,
 *   IssuanceForm, IssuanceItems, Issuances, ItemOutcome, Job, Link, LinkEdit, LinkForm, Links,
 *   ListedCoupons, Lotteries, Lottery, LotteryEdit, LotteryForm, LotteryState, OrderFilter,
 *   OrderRecord, Orders, Pack, PackForm, PackPreview, Packs,
 *   PriceRule, PriceRuleFigures, PriceRuleForm, PriceRules, RecordSection, Replay, Report,
 *   ReportBy, ReportDefinitions, ReportKind, DropReports, Revocation, RevocationForm, Revocations, SavedAudience,
 *   SavedAudienceForm, SavedAudiences, Statement, StatementDays, StatementFormat,
 *   StatementMatch, StatementMatchForm, Stop, StopForm, StudentEventForm, StudentForm,
 *   StudentMessages, StudentRecord, Students, Template, TemplateForm, Templates, Trigger,
 *   TriggerDryRun, TriggerEdit, TriggerForm, Triggers, Upserted, VoidedCodes, WatchedKind,
 *   WatchLevel, WatchList, Webhook, WebhookEdit, WebhookForm, Webhooks
 * } from "./shapes.js"
 */
/** @import { Once, Page } from "./api.js" */
/**
 * The acts that are wanted: of an actor, on the thing with the id `subject`, an action such as `batch.stopped` or
 * `batch` for all on batches, and days (as in 2026-03-01, both included).
 * @typedef {{actor?: string, subject?: string, action?: string, from?: string, to?: string}} ActFilter
 */

/** All calls: those of `Api`, and those that only the school's own people and programs make. */
export class OfficeApi extends Api {
  // Calls of operators: templates, batches, codes, campaigns.

  /** @param {TemplateForm} form @param {Once} [once]
   * @returns {Promise<Template>} */
  createTemplate(form, once) {
    return this._call("POST", "/v1/templates", { body: form, ...once });
  }

  /** @param {Page} [page] @returns {Promise<Templates>} */
  listTemplates(page) {
    return this._call("GET", "/v1/templates", { query: page });
  }

  /** @param {string} id @returns {Promise<Template>} */
  getTemplate(id) {
    return this._call("GET", path`/v1/templates/${id}`);
  }

  /** Make a new version. Reject with `wrong_state` where `version` is no longer the newest.
   * @param {string} id @param {number} version @param {TemplateForm} form
   * @returns {Promise<Template>} */
  replaceTemplate(id, version, form) {
    const headers = { "If-Match": String(version) };
    return this._call("PUT", path`/v1/templates/${id}`, { body: form, headers });
  }

  /** @param {BatchForm} form @param {Once} [once]
   * @returns {Promise<Batch>} */
  createBatch(form, once) {
    return this._call("POST", "/v1/batches", { body: form, ...once });
  }

  /** @param {string} id @returns {Promise<Batch>} */
  getBatch(id) {
    return this._call("GET", path`/v1/batches/${id}`);
  }

  /** Change the fields that `changes` has. Reject with `wrong_state` where `version` is no longer the newest.
   * @param {string} id @param {number} version @param {BatchEdit} changes
   * @returns {Promise<Batch>} */
  editBatch(id, version, changes) {
    const headers = { "If-Match": String(version) };
    return this._call("PATCH", path`/v1/batches/${id}`, { body: changes, headers });
  }

  /** Make coupons as codes, without a drop. At most 100,000 a call. Where `made` is less than `quantity`,
   * the server makes the rest by itself.
   * @param {string} id
   * @param {{quantity: number, source?: CodeSource, metadata?: Record<string, string>|null}} body
   * @param {Once} [once]
   * @returns {Promise<CodeRun>} */
  makeCodes(id, body, once) {
    return this._call("POST", path`/v1/batches/${id}/codes`, { body, ...once });
  }

  /** @param {string} id @param {Page} [page]
   * @returns {Promise<Codes>} */
  listCodes(id, page) {
    return this._call("GET", path`/v1/batches/${id}/codes`, { query: page });
  }

  /** @param {string} id @returns {Promise<string>} all codes of the batch as CSV, with a header line */
  exportCodes(id) {
    return this._call("GET", path`/v1/batches/${id}/codes`, { query: { format: "csv" } });
  }

  /** Void the codes that no student has bound. At most 500 a call; repeatable.
   * @param {string} id @param {string[]} codes
   * @returns {Promise<VoidedCodes>} */
  voidCodes(id, codes) {
    return this._call("POST", path`/v1/batches/${id}/codes/void`, { body: { codes } });
  }

  /** @param {CampaignForm} form @param {Once} [once]
   * @returns {Promise<Campaign>} */
  createCampaign(form, once) {
    return this._call("POST", "/v1/campaigns", { body: form, ...once });
  }

  /** Change the fields that `changes` has. Throws `wrong_state` where `version` is no longer the newest, and
   * where the campaign has ended.
   * @param {string} id @param {number} version @param {CampaignEdit} changes
   * @returns {Promise<Campaign>} */
  editCampaign(id, version, changes) {
    const headers = { "If-Match": String(version) };
    return this._call("PATCH", path`/v1/campaigns/${id}`, { body: changes, headers });
  }

  /** @param {Page} [page] @returns {Promise<Campaigns>} */
  listCampaigns(page) {
    return this._call("GET", "/v1/campaigns", { query: page });
  }

  /** @param {string} id @returns {Promise<Campaign>} */
  getCampaign(id) {
    return this._call("GET", path`/v1/campaigns/${id}`);
  }

  // Calls of operators: the switch that stops claims, use or both. It works everywhere within a second.

  /** Stop claims, use or both. Orders that are locked can still be paid.
   * @param {string} id @param {StopForm} form
   * @returns {Promise<Stop>} */
  stopCampaign(id, form) {
    return this._call("POST", path`/v1/campaigns/${id}/stop`, { body: form });
  }

  /** @param {string} id @param {StopForm} form
   * @returns {Promise<Stop>} */
  resumeCampaign(id, form) {
    return this._call("POST", path`/v1/campaigns/${id}/resume`, { body: form });
  }

  /** End the batch for good: no coupon of it is given any more. It cannot be undone; repeatable. Throws
   * `wrong_state` while a draw of it is open.
   * @param {string} id @param {BatchEndForm} form
   * @returns {Promise<Batch>} */
  endBatch(id, form) {
    return this._call("POST", path`/v1/batches/${id}/end`, { body: form });
  }

  /** @param {string} id @param {StopForm} form
   * @returns {Promise<Stop>} */
  stopBatch(id, form) {
    return this._call("POST", path`/v1/batches/${id}/stop`, { body: form });
  }

  /** @param {string} id @param {StopForm} form
   * @returns {Promise<Stop>} */
  resumeBatch(id, form) {
    return this._call("POST", path`/v1/batches/${id}/resume`, { body: form });
  }

  /** @param {StopForm} form @returns {Promise<Stop>} */
  stopEverything(form) {
    return this._call("POST", "/v1/stop", { body: form });
  }

  /** @param {StopForm} form @returns {Promise<Stop>} */
  resumeEverything(form) {
    return this._call("POST", "/v1/resume", { body: form });
  }

  /** Return what is stopped of all batches. @returns {Promise<Stop>} */
  getStop() {
    return this._call("GET", "/v1/stop");
  }

  // Calls of the school's back end and of operators: students.

  /** Say what the school knows of its students. At most 1,000 a call; repeatable.
   * @param {StudentForm[]} students @param {Once} [once] @returns {Promise<Upserted>} */
  upsertStudents(students, once) {
    return this._call("POST", "/v1/students", { body: { students }, ...once });
  }

  /** `q`: the beginning of an id, or of a name in any case. `tag`: those who have it.
   * @param {Page & {q?: string, tag?: string}} [query] @returns {Promise<Students>} */
  listStudents(query) {
    return this._call("GET", "/v1/students", { query });
  }

  /** @param {SavedAudienceForm} form @param {Once} [once]
   * @returns {Promise<SavedAudience>} */
  createAudience(form, once) {
    return this._call("POST", "/v1/audiences", { body: form, ...once });
  }

  /** @param {Page} [page] @returns {Promise<SavedAudiences>} */
  listAudiences(page) {
    return this._call("GET", "/v1/audiences", { query: page });
  }

  /** @param {string} id @returns {Promise<SavedAudience>} */
  getAudience(id) {
    return this._call("GET", path`/v1/audiences/${id}`);
  }

  /** Make a new version. Reject with `wrong_state` where `version` is no longer the newest.
   * @param {string} id @param {number} version @param {SavedAudienceForm} form
   * @returns {Promise<SavedAudience>} */
  replaceAudience(id, version, form) {
    const headers = { "If-Match": String(version) };
    return this._call("PUT", path`/v1/audiences/${id}`, { body: form, headers });
  }

  /** How many students are in the audience now, and at most 20 of them.
   * @param {string} id @returns {Promise<AudiencePreview>} */
  previewAudience(id) {
    return this._call("POST", path`/v1/audiences/${id}/preview`);
  }

  // Calls of operators: triggers.

  /** Create a trigger as a draft.
   * @param {TriggerForm} form @param {Once} [once]
   * @returns {Promise<Trigger>} */
  createTrigger(form, once) {
    return this._call("POST", "/v1/triggers", { body: form, ...once });
  }

  /** @param {Page} [page] @returns {Promise<Triggers>} */
  listTriggers(page) {
    return this._call("GET", "/v1/triggers", { query: page });
  }

  /** @param {string} id @returns {Promise<Trigger>} */
  getTrigger(id) {
    return this._call("GET", path`/v1/triggers/${id}`);
  }

  /** Change the fields that `changes` has, for later events.
   * @param {string} id @param {TriggerEdit} changes
   * @returns {Promise<Trigger>} */
  editTrigger(id, changes) {
    return this._call("PATCH", path`/v1/triggers/${id}`, { body: changes });
  }

  /** Let the trigger fire from now on; with `catch_up` also for what happened while it was paused.
   * @param {string} id @param {{catch_up?: boolean}} [body]
   * @returns {Promise<Trigger>} */
  activateTrigger(id, body = {}) {
    return this._call("POST", path`/v1/triggers/${id}/activate`, { body });
  }

  /** Let the trigger fire no more until it is activated again. Repeatable. An act keeps the reason.
   * @param {string} id @param {string} [reason] @returns {Promise<Trigger>} */
  pauseTrigger(id, reason = "") {
    return this._call("POST", path`/v1/triggers/${id}/pause`, { body: { reason } });
  }

  /** Count whom the trigger would have hit in the last days, at most 30. Nothing is issued.
   * @param {string} id @param {number} days @returns {Promise<TriggerDryRun>} */
  dryRunTrigger(id, days) {
    return this._call("POST", path`/v1/triggers/${id}/dry-run`, { body: { days } });
  }

  // Calls of the school's back end: what students do.

  /** Tell what students have done. At most 500 a call; repeatable, by the ids of the events.
   * @param {StudentEventForm[]} events @returns {Promise<AcceptedEvents>} */
  sendStudentEvents(events) {
    return this._call("POST", "/v1/student-events", { body: { events } });
  }

  // Calls of operators: who gets nothing, which tokens are refused. They work everywhere within a second.

  /** Let a student, person, device or tag get nothing. What they have stays theirs. A block of the same value
   * takes the place of the one before.
   * @param {BlockForm} form @param {Once} [once]
   * @returns {Promise<Block>} */
  block(form, once) {
    return this._call("POST", "/v1/blocks", { body: form, ...once });
  }

  /** Return a page of the blocks in force, newest first; those of `kind` or of `value`.
   * @param {Page & {kind?: BlockKind, value?: string}} [query] @returns {Promise<Blocks>} */
  listBlocks(query) {
    return this._call("GET", "/v1/blocks", { query });
  }

  /** @param {string} id @returns {Promise<Block>} */
  getBlock(id) {
    return this._call("GET", path`/v1/blocks/${id}`);
  }

  /** End a block. Repeatable.
   * @param {string} id @returns {Promise<Block>} */
  endBlock(id) {
    return this._call("DELETE", path`/v1/blocks/${id}`);
  }

  /** End the block of this kind and value. Reject with `not_found` where there is none.
   * @param {BlockKind} kind @param {string} value
   * @returns {Promise<Block>} */
  endBlockOf(kind, value) {
    return this._call("DELETE", "/v1/blocks", { body: { kind, value } });
  }

  /** Revoke one token, those of a subject, or all that were made before a time; close their sockets.
   * @param {RevocationForm} form @param {Once} [once]
   * @returns {Promise<Revocation>} */
  revokeTokens(form, once) {
    return this._call("POST", "/v1/revocations", { body: form, ...once });
  }

  /** @param {Page} [page] @returns {Promise<Revocations>} */
  listRevocations(page) {
    return this._call("GET", "/v1/revocations", { query: page });
  }

  /** Let an instructor open nothing, and close what they have open. Repeatable.
   * @param {string} instructor @param {string} reason
   * @returns {Promise<InstructorStop>} */
  stopInstructor(instructor, reason) {
    return this._call("POST", path`/v1/instructors/${instructor}/stop`, { body: { reason } });
  }

  /** Let an instructor open drops again. Repeatable.
   * @param {string} instructor @param {string} [reason]
   * @returns {Promise<InstructorStop>} */
  resumeInstructor(instructor, reason = "") {
    return this._call("POST", path`/v1/instructors/${instructor}/resume`, { body: { reason } });
  }

  /** @param {string} instructor @returns {Promise<InstructorStop>} */
  getInstructor(instructor) {
    return this._call("GET", path`/v1/instructors/${instructor}`);
  }

  /** @param {Page} [page] @returns {Promise<InstructorStops>} */
  listStoppedInstructors(page) {
    return this._call("GET", "/v1/instructors", { query: page });
  }

  // Calls of the school's back end and of operators: coupons without a tap.

  /** Give coupons without a tap. Up to 20 named students are done with the reply, which then has `items`.
   * @param {IssuanceForm} form @param {Once} [once] @returns {Promise<Issuance>} */
  createIssuance(form, once) {
    return this._call("POST", "/v1/issuances", { body: form, ...once });
  }

  /** Of a batch, of a recurring issuance, or from an audience, import or trigger, if one is named.
   * @param {Page & {batch_id?: string, parent_id?: string, source_id?: string}} [query]
   * @returns {Promise<Issuances>} */
  listIssuances(query) {
    return this._call("GET", "/v1/issuances", { query });
  }

  /** Return how far an issuance is. @param {string} id @returns {Promise<Issuance>} */
  getIssuance(id) {
    return this._call("GET", path`/v1/issuances/${id}`);
  }

  /** Its students, in the order of their ids. `outcome`: only those; `pending`: not decided yet.
   * @param {string} id @param {Page & {outcome?: ItemOutcome|"pending"}} [query]
   * @returns {Promise<IssuanceItems>} */
  listIssuanceItems(id, query) {
    return this._call("GET", path`/v1/issuances/${id}/items`, { query });
  }

  /** Let an issuance give no more. Repeatable. Reject with `wrong_state` once it is done.
   * @param {string} id @returns {Promise<Issuance>} */
  stopIssuance(id) {
    return this._call("POST", path`/v1/issuances/${id}/stop`);
  }

  /** Take an issuance back: nothing more goes out, and what is not used is revoked. Repeatable. Reject
   * with `wrong_state` when an hour has passed since its end.
   * @param {string} id @returns {Promise<Issuance>} */
  undoIssuance(id) {
    return this._call("POST", path`/v1/issuances/${id}/undo`);
  }

  /** Return a page of who has points and why, newest first. A level is an advice; `block` does it.
   * @param {Page & {kind?: WatchedKind, level?: WatchLevel}} [query] @returns {Promise<WatchList>} */
  listWatched(query) {
    return this._call("GET", "/v1/watch", { query });
  }

  // Calls of operators: packs of coupons.

  /** Make a pack. An issuance with its id gives a student all of it, or nothing.
   * @param {PackForm} form @param {Once} [once] @returns {Promise<Pack>} */
  createPack(form, once) {
    return this._call("POST", "/v1/packs", { body: form, ...once });
  }

  /** @param {Page} [page] @returns {Promise<Packs>} */
  listPacks(page) {
    return this._call("GET", "/v1/packs", { query: page });
  }

  /** @param {string} id @returns {Promise<Pack>} */
  getPack(id) {
    return this._call("GET", path`/v1/packs/${id}`);
  }

  /** Count who fulfils the variants of a pack now, and who several. Reject with `wrong_state` without
   * variants. @param {string} id @returns {Promise<PackPreview>} */
  previewPack(id) {
    return this._call("POST", path`/v1/packs/${id}/preview`);
  }

  // Calls of operators: what needs a second person.

  /** @param {Page & {state?: ApprovalState}} [query] @returns {Promise<Approvals>} */
  listApprovals(query) {
    return this._call("GET", "/v1/approvals", { query });
  }

  /** @param {string} id @returns {Promise<Approval>} */
  getApproval(id) {
    return this._call("GET", path`/v1/approvals/${id}`);
  }

  /** Let it happen. Repeatable. Reject with `wrong_role` for who asked, `wrong_state` where it is decided.
   * @param {string} id @param {string} [note] @returns {Promise<Approval>} */
  approve(id, note = "") {
    return this._call("POST", path`/v1/approvals/${id}/approve`, { body: { note } });
  }

  /** Refuse it: nothing is sent. Repeatable. Reject as `approve` does.
   * @param {string} id @param {string} [note] @returns {Promise<Approval>} */
  reject(id, note = "") {
    return this._call("POST", path`/v1/approvals/${id}/reject`, { body: { note } });
  }

  // Calls of operators: price rules.

  /** @param {PriceRuleForm} form @param {Once} [once] @returns {Promise<PriceRule>} */
  createPriceRule(form, once) {
    return this._call("POST", "/v1/price-rules", { body: form, ...once });
  }

  /** @param {Page} [page] @returns {Promise<PriceRules>} */
  listPriceRules(page) {
    return this._call("GET", "/v1/price-rules", { query: page });
  }

  /** @param {string} id @returns {Promise<PriceRuleFigures>} with the last 30 days of its courses */
  getPriceRule(id) {
    return this._call("GET", path`/v1/price-rules/${id}`);
  }

  /** End a price rule. @param {string} id @param {string} [reason] @returns {Promise<PriceRule>} as it was */
  endPriceRule(id, reason = "") {
    return this._call("DELETE", path`/v1/price-rules/${id}`, { body: { reason } });
  }

  // Links: operators make them, students of any room claim by them.

  /** Make a link of the batch. Reject with `stock_short` where the batch has too little.
   * @param {string} batchId @param {LinkForm} form @param {Once} [once] @returns {Promise<Link>} */
  createLink(batchId, form, once) {
    return this._call("POST", path`/v1/batches/${batchId}/links`, { body: form, ...once });
  }

  /** @param {string} batchId @param {Page} [page] @returns {Promise<Links>} */
  listLinks(batchId, page) {
    return this._call("GET", path`/v1/batches/${batchId}/links`, { query: page });
  }

  /** Resolve a link with its counts, by its id or slug.
   * @param {string} id @returns {Promise<Link>} */
  getLink(id) {
    return this._call("GET", path`/v1/links/${id}`);
  }

  /** Pause, resume or end a link, change its end, its note or its prompt, or add units. Repeatable. Reject with
   * `stock_short`, and `wrong_state` (`quantity`) where it has not the expected quantity.
   * @param {string} id @param {LinkEdit} changes @returns {Promise<Link>} */
  changeLink(id, changes) {
    return this._call("PATCH", path`/v1/links/${id}`, { body: changes });
  }

  /** @param {string} id @param {number} [size] @returns {Promise<string>} the QR code as SVG */
  linkQr(id, size = 480) {
    return this._call("GET", path`/v1/links/${id}/qr.svg`, { query: { size } });
  }

  // Lotteries: operators make them, students spin.

  /** Make a lottery: prizes with published odds. Reject with `stock_short` where a batch has too little.
   * @param {LotteryForm} form @param {Once} [once] @returns {Promise<Lottery>} */
  createLottery(form, once) {
    return this._call("POST", "/v1/lotteries", { body: form, ...once });
  }

  /** @param {Page & {state?: LotteryState}} [page] @returns {Promise<Lotteries>} */
  listLotteries(page) {
    return this._call("GET", "/v1/lotteries", { query: page });
  }

  /** Pause, resume or end a lottery, or change its texts or its window.
   * @param {string} id @param {LotteryEdit} changes @returns {Promise<Lottery>} */
  changeLottery(id, changes) {
    return this._call("PATCH", path`/v1/lotteries/${id}`, { body: changes });
  }

  // Calls of operators: files of students.

  /** Read a file of students, CSV or XLSX, and return what was found. Nothing is issued by that. At most 10 MB
   * and 100,000 rows. A `mediaType` like `text/csv; charset=gbk` names the encoding, which is found out
   * otherwise.
   * @param {Blob|ArrayBuffer|Uint8Array<ArrayBuffer>|string} file @param {Once & {mediaType?: string}} [options]
   * @returns {Promise<Import>} */
  createImport(file, { mediaType = "text/csv", ...once } = {}) {
    const headers = { "Content-Type": mediaType };
    return this._call("POST", "/v1/imports", { file, headers, ...once });
  }

  /** @param {Page} [page] @returns {Promise<Imports>} */
  listImports(page) {
    return this._call("GET", "/v1/imports", { query: page });
  }

  /** It is kept for 30 days. @param {string} id @returns {Promise<Import>} */
  getImport(id) {
    return this._call("GET", path`/v1/imports/${id}`);
  }

  /** Return the rows of the file with what became of each, as a file: CSV as text, XLSX as a Blob. Of that
   * issuance, or of the newest.
   * @param {string} id @param {{format?: ImportFormat, issuance_id?: string}} [query] */
  importResult(id, query) {
    return this._call("GET", path`/v1/imports/${id}/result`, { query });
  }

  // Calls of operators and finance.

  /** Return an order's record: list prices, coupons, discounts by line, payment, refunds, all times.
   * @param {string} orderId @returns {Promise<OrderRecord>} */
  getOrder(orderId) {
    return this._call("GET", path`/v1/orders/${orderId}`);
  }

  /** Return a coupon of any student, with its whole history.
   * @param {string} code @returns {Promise<CouponRecord>} */
  getCoupon(code) {
    return this._call("GET", path`/v1/coupons/${code}`);
  }

  /** Return a page of orders, newest first; it may be short: go on while `next` is not null.
   * @param {Page & OrderFilter} [query] @returns {Promise<Orders>} */
  listOrders(query) {
    return this._call("GET", "/v1/orders", { query });
  }

  /** Return a page of coupons, newest first; it may be short: go on while `next` is not null.
   * @param {Page & CouponFilter} [query] @returns {Promise<ListedCoupons>} */
  listCoupons(query) {
    return this._call("GET", "/v1/coupons", { query });
  }

  /** Take a coupon out of use, whoever has it. Reject with `coupon_locked`, `wrong_state`.
   * @param {string} code @param {string} reason @returns {Promise<CouponRecord>} */
  voidCoupon(code, reason) {
    return this._call("POST", path`/v1/coupons/${code}/void`, { body: { reason } });
  }

  /** Return what the text names: an id of any kind, a code, an order, a student.
   * @param {string} text @returns {Promise<FoundThings>} */
  find(text) {
    return this._call("GET", "/v1/find", { query: { q: text } });
  }

  /** Return a page of acts, newest first; those that are wanted.
   * @param {Page & ActFilter} [query] @returns {Promise<Acts>} */
  listActs(query) {
    return this._call("GET", "/v1/acts", { query });
  }

  /** Return all acts that are wanted as CSV, with a header line.
   * @param {ActFilter} [wanted] @returns {Promise<string>} */
  exportActs(wanted) {
    return this._call("GET", "/v1/acts", { query: { ...wanted, format: "csv" } });
  }

  /** Report coupons: issued, claimed, used, and what they cost, on these days (both included).
   * @param {string} first @param {string} last @param {ReportBy} [by] @param {Page} [page]
   * @returns {Promise<Report>} */
  reportCoupons(first, last, by = "day", page) {
    return this._call("GET", "/v1/reports/coupons", {
      query: { from: first, to: last, by, ...page },
    });
  }

  /** Report orders with and without a coupon, on these days (both included).
   * @param {string} first @param {string} last @param {ReportBy} [by] @param {Page} [page]
   * @returns {Promise<Report>} */
  reportOrders(first, last, by = "day", page) {
    return this._call("GET", "/v1/reports/orders", {
      query: { from: first, to: last, by, ...page },
    });
  }

  /** Report the courses that were bought with coupons, on these days (both included).
   * @param {string} first @param {string} last @param {ReportBy} [by] @param {Page} [page]
   * @returns {Promise<Report>} */
  reportCourses(first, last, by = "day", page) {
    return this._call("GET", "/v1/reports/courses", {
      query: { from: first, to: last, by, ...page },
    });
  }

  /** Return a whole report as CSV: all rows, then the totals.
   * @param {ReportKind} report @param {string} first @param {string} last @param {ReportBy} [by]
   * @returns {Promise<string>} */
  reportFile(report, first, last, by = "day") {
    const query = { from: first, to: last, by, format: "csv" };
    return this._call("GET", path`/v1/reports/${report}`, { query });
  }

  /** Return a page of the drops that run now in all rooms, newest first, with their live counters.
   * @param {Page} [page] @returns {Promise<DropReports>} */
  liveDrops(page) {
    return this._call("GET", "/v1/reports/live", { query: page });
  }

  /** Return the figures of all reports, with formulas and words.
   * @returns {Promise<ReportDefinitions>} */
  reportDefinitions() {
    return this._call("GET", "/v1/reports/definitions");
  }

  // Experiments: operators make them, finance reads.

  /** Start an experiment with batches of which nothing is out yet.
   * @param {ExperimentForm} form @param {Once} [once] @returns {Promise<ExperimentResult>} */
  startExperiment(form, once) {
    return this._call("POST", "/v1/experiments", { body: form, ...once });
  }

  /** @param {Page} [page] @returns {Promise<Experiments>} without results */
  listExperiments(page) {
    return this._call("GET", "/v1/experiments", { query: page });
  }

  /** @param {string} id @returns {Promise<ExperimentResult>} */
  getExperiment(id) {
    return this._call("GET", path`/v1/experiments/${id}`);
  }

  /** End an experiment: its batches are for everybody again. Repeatable.
   * @param {string} id @returns {Promise<ExperimentResult>} */
  endExperiment(id) {
    return this._call("POST", path`/v1/experiments/${id}/end`);
  }

  /** Return lines of the statement of these days (as in 2026-03-01, both included), oldest first.
   * @param {string} first @param {string} last @param {Page} [page] @returns {Promise<Statement>} */
  readStatement(first, last, page) {
    return this._call("GET", "/v1/statements", { query: { from: first, to: last, ...page } });
  }

  /** Return all lines of these days as a file: CSV and NDJSON as text, XLSX as a Blob.
   * @param {string} first @param {string} last @param {StatementFormat} [format] */
  statementFile(first, last, format = "csv") {
    return this._call("GET", "/v1/statements", { query: { from: first, to: last, format } });
  }

  /** Return the sealed days among these, oldest first, with their sums and hashes.
   * @param {string} first @param {string} last @returns {Promise<StatementDays>} */
  statementDays(first, last) {
    return this._call("GET", "/v1/statements/days", { query: { from: first, to: last } });
  }

  /** Compare a payment provider's orders with the statement of these days.
   * @param {StatementMatchForm} form @returns {Promise<StatementMatch>} */
  matchStatement(form) {
    return this._call("POST", "/v1/statements/match", { body: form });
  }

  /** Return a page of messages to students, newest first, with what became of each; for one student, in one
   * state, of one channel, or of what the id `cause` asked for.
   * @param {Page & {student?: string, state?: string, channel?: string, cause?: string}} [query]
   * @returns {Promise<StudentMessages>} */
  listMessages(query) {
    return this._call("GET", "/v1/messages", { query });
  }

  /** Return everything that is kept of a student: the newest rows of each section, or of one alone.
   * @param {string} student @param {Page & {section?: RecordSection}} [query]
   * @returns {Promise<StudentRecord>} */
  getStudent(student, query) {
    return this._call("GET", path`/v1/students/${student}`, { query });
  }

  /** Make a file of everything that is kept of a student; `jobResult` fetches it. Repeatable with the same
   * `idempotencyKey`. @param {string} student @param {Once} [once] @returns {Promise<Job>} */
  exportStudent(student, once) {
    return this._call("POST", path`/v1/students/${student}/export`, { ...once });
  }

  /** Put a pseudonym in the student's place everywhere. Reject with `wrong_state` while an order is being paid.
   * @param {string} student @param {string} reason @returns {Promise<Job>} */
  eraseStudent(student, reason) {
    return this._call("POST", path`/v1/students/${student}/erase`, { body: { reason } });
  }

  /** Give what an account has to another account of the same person. Reject with `not_found` where nothing is
   * known of one of them, `coupon_locked` while an order is being paid, `wrong_state` while it is merged into
   * another one.
   * @param {string} student @param {string} into @returns {Promise<Job>} */
  mergeStudent(student, into) {
    return this._call("POST", path`/v1/students/${student}/merge-into/${into}`);
  }

  /** Return how far a job is. @param {string} id @returns {Promise<Job>} */
  getJob(id) {
    return this._call("GET", path`/v1/jobs/${id}`);
  }

  /** Return the file that a job made, as a Blob. Reject with `not_found` where there is none (any more).
   * @param {string} id */
  jobResult(id) {
    return this._call("GET", path`/v1/jobs/${id}/result`);
  }

  /** Return the events after the number `after`, oldest first; wait up to 25 s where there is none yet.
   * @param {number} [after]
   * @param {{types?: string[], waitSeconds?: number, limit?: number}} [options]
   * @returns {Promise<Events>} */
  readEvents(after = 0, { types, waitSeconds = 0, limit } = {}) {
    const query = { after, types: types?.join(","), wait_seconds: waitSeconds, limit };
    return this._call("GET", "/v1/events", { query, waitMs: waitSeconds * 1000 });
  }

  // Alerts: what somebody must look at.

  /** Return a page of alerts, newest first; those that are open where no state is named.
   * @param {Page & {state?: AlertState}} [query] @returns {Promise<Alerts>} */
  listAlerts(query) {
    return this._call("GET", "/v1/alerts", { query });
  }

  /** Do what mends the alert, or dismiss it. @param {string} alertId @param {AlertActForm} form
   * @returns {Promise<Alert>} */
  actOnAlert(alertId, form) {
    return this._call("POST", `/v1/alerts/${encodeURIComponent(alertId)}/act`, { body: form });
  }

  // Consistency: what desk and ledger say of one another.

  /** Have a worker look for faults and, with `repair`, mend what can be mended; one at a time.
   * @param {ExamineForm} form @param {Once} [once] @returns {Promise<Job>} */
  examine(form, once) {
    return this._call("POST", "/v1/consistency", { body: form, ...once });
  }

  /** Return what the newest look for faults has found. @returns {Promise<Consistency>} */
  getConsistency() {
    return this._call("GET", "/v1/consistency");
  }

  // Webhooks: events that are sent.

  /** Have events sent to a receiver from now on. Only this reply has its `secret`.
   * @param {WebhookForm} form @param {Once} [once] @returns {Promise<Webhook>} */
  createWebhook(form, once) {
    return this._call("POST", "/v1/webhooks", { body: form, ...once });
  }

  /** Return a page of webhooks, newest first. @param {Page} [query] @returns {Promise<Webhooks>} */
  listWebhooks(query) {
    return this._call("GET", "/v1/webhooks", { query });
  }

  /** @param {string} id @returns {Promise<Webhook>} */
  getWebhook(id) {
    return this._call("GET", path`/v1/webhooks/${id}`);
  }

  /** Change, pause or resume a webhook.
   * @param {string} id @param {WebhookEdit} changes
   * @returns {Promise<Webhook>} */
  changeWebhook(id, changes) {
    return this._call("PATCH", path`/v1/webhooks/${id}`, { body: changes });
  }

  /** Remove a webhook, and return it as it was.
   * @param {string} id @param {string} [reason] @returns {Promise<Webhook>} */
  removeWebhook(id, reason = "") {
    return this._call("DELETE", path`/v1/webhooks/${id}`, { body: { reason } });
  }

  /** Return the webhook with a new `secret`; the old one signs as well for 24 hours.
   * @param {string} id @returns {Promise<Webhook>} */
  rotateWebhook(id) {
    return this._call("POST", path`/v1/webhooks/${id}/rotate`);
  }

  /** Have the receiver called once, and return what it answered.
   * @param {string} id @returns {Promise<Delivery>} */
  testWebhook(id) {
    return this._call("POST", path`/v1/webhooks/${id}/test`);
  }

  /** Have the events of these numbers sent again, both ends included.
   * @param {string} id @param {number} fromSeq @param {number} toSeq @returns {Promise<Replay>} */
  replayWebhook(id, fromSeq, toSeq) {
    return this._call("POST", path`/v1/webhooks/${id}/replay`, {
      body: { from_seq: fromSeq, to_seq: toSeq },
    });
  }

  /** Return a page of a webhook's calls, newest first.
   * @param {string} id @param {Page} [query] @returns {Promise<Deliveries>} */
  listDeliveries(id, query) {
    return this._call("GET", path`/v1/webhooks/${id}/deliveries`, { query });
  }

  // Calls that need no token.

  /** @returns {Promise<string>} Prometheus text */
  metrics() {
    return this._call("GET", "/metrics");
  }

  /** @returns {Promise<Record<string, unknown>>} */
  openapi() {
    return this._call("GET", "/openapi.json");
  }
}
