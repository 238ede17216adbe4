"""`OfficeApi`: every HTTP call of PROTOCOL.md.

Those of operators, finance, support and the school's back end are here, the others in `api`. The package
exports it under the name `Api`. Twin of `javascript/office_api.js`.
"""

from collections.abc import Mapping, Sequence
from typing import TypedDict, Unpack

from client_sdk.python.api import FIRST_PAGE, Api, Page, page_query
from client_sdk.python.shapes import (
    AcceptedEvents,
    Acts,
    Alert,
    AlertActForm,
    Alerts,
    AlertState,
    Approval,
    Approvals,
    ApprovalState,
    AudiencePreview,
    Batch,
    BatchEdit,
    BatchEndForm,
    BatchForm,
    Block,
    BlockForm,
    BlockKind,
    Blocks,
    Campaign,
    CampaignEdit,
    CampaignForm,
    Campaigns,
    CodeRun,
    Codes,
    CodeSource,
    Consistency,
    CouponFilter,
    CouponRecord,
    Deliveries,
    Delivery,
    DropReports,
    Events,
    ExamineForm,
    ExperimentForm,
    ExperimentResult,
    Experiments,
    FoundThings,
    Import,
    ImportFormat,
    Imports,
    InstructorStop,
    InstructorStops,
    Issuance,
    IssuanceForm,
    IssuanceItems,
    Issuances,
    Job,
    Link,
    LinkEdit,
    LinkForm,
    Links,
    ListedCoupons,
    Lotteries,
    Lottery,
    LotteryEdit,
    LotteryForm,
    LotteryState,
    OrderFilter,
    OrderRecord,
    Orders,
    Pack,
    PackForm,
    PackPreview,
    Packs,
    PriceRule,
    PriceRuleFigures,
    PriceRuleForm,
    PriceRules,
    RecordSection,
    Replay,
    Report,
    ReportBy,
    ReportDefinitions,
    ReportKind,
    Revocation,
    RevocationForm,
    Revocations,
    SavedAudience,
    SavedAudienceForm,
    SavedAudiences,
    Statement,
    StatementDays,
    StatementFormat,
    StatementMatch,
    StatementMatchForm,
    Stop,
    StopForm,
    StudentEventForm,
    StudentForm,
    StudentMessages,
    StudentRecord,
    Students,
    Template,
    TemplateForm,
    Templates,
    Trigger,
    TriggerDryRun,
    TriggerEdit,
    TriggerForm,
    Triggers,
    Upserted,
    VoidedCodes,
    WatchedKind,
    WatchLevel,
    WatchList,
    Webhook,
    WebhookEdit,
    WebhookForm,
    Webhooks,
)
from client_sdk.python.transport import escaped, once_header


class ActFilter(TypedDict, total=False):
    """A choice of acts: of an actor, on the thing with the id `subject`, an action such as
    `batch.stopped` or `batch` for all on batches, and days (as in 2026-03-01, both included)."""

    actor: str | None
    subject: str | None
    action: str | None
    first: str | None
    last: str | None


class OfficeApi(Api):
    """All calls: those of `Api`, and those that only the school's own people and programs make."""

    # Calls of operators: templates, batches, codes, campaigns.

    async def create_template(
        self, form: TemplateForm, *, idempotency_key: str | None = None
    ) -> Template:
        """Create a template. Repeatable with the same `idempotency_key`."""
        return await self._call(
            Template, "POST", "/v1/templates", form, headers=once_header(idempotency_key)
        )

    async def list_templates(self, page: Page = FIRST_PAGE) -> Templates:
        """Return a page of templates, newest first."""
        return await self._call(Templates, "GET", "/v1/templates", query=page_query(page))

    async def get_template(self, template_id: str) -> Template:
        """Return the newest version of a template."""
        return await self._call(Template, "GET", f"/v1/templates/{escaped(template_id)}")

    async def replace_template(
        self, template_id: str, version: int, form: TemplateForm
    ) -> Template:
        """Make a new version. Raise `wrong_state` where `version` is no longer the newest."""
        path = f"/v1/templates/{escaped(template_id)}"
        return await self._call(Template, "PUT", path, form, headers={"If-Match": str(version)})

    async def create_batch(self, form: BatchForm, *, idempotency_key: str | None = None) -> Batch:
        """Create a batch. Repeatable with the same `idempotency_key`."""
        return await self._call(
            Batch, "POST", "/v1/batches", form, headers=once_header(idempotency_key)
        )

    async def get_batch(self, batch_id: str) -> Batch:
        """Return a batch."""
        return await self._call(Batch, "GET", f"/v1/batches/{escaped(batch_id)}")

    async def edit_batch(self, batch_id: str, version: int, changes: BatchEdit) -> Batch:
        """Change the fields that `changes` has.

        Raise `wrong_state` where `version` is no longer the newest.
        """
        path, headers = f"/v1/batches/{escaped(batch_id)}", {"If-Match": str(version)}
        return await self._call(Batch, "PATCH", path, changes, headers=headers)

    async def make_codes(
        self,
        batch_id: str,
        quantity: int,
        *,
        source: CodeSource = "list",
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> CodeRun:
        """Make coupons as codes, without a drop. At most 100,000 a call.

        Where `made` is less than `quantity`, the server makes the rest by itself. Repeatable with the same
        `idempotency_key`.
        """
        body: dict[str, object] = {"quantity": quantity, "source": source}
        if metadata is not None:
            body["metadata"] = metadata
        path = f"/v1/batches/{escaped(batch_id)}/codes"
        return await self._call(CodeRun, "POST", path, body, headers=once_header(idempotency_key))

    async def list_codes(self, batch_id: str, page: Page = FIRST_PAGE) -> Codes:
        """Return a page of the batch's codes, newest first."""
        path = f"/v1/batches/{escaped(batch_id)}/codes"
        return await self._call(Codes, "GET", path, query=page_query(page))

    async def export_codes(self, batch_id: str) -> str:
        """Return all codes of the batch as CSV, with a header line."""
        path = f"/v1/batches/{escaped(batch_id)}/codes"
        return await self._call(str, "GET", path, query={"format": "csv"})

    async def void_codes(self, batch_id: str, codes: Sequence[str]) -> VoidedCodes:
        """Void the codes that no student has bound. At most 500 a call; repeatable."""
        path = f"/v1/batches/{escaped(batch_id)}/codes/void"
        return await self._call(VoidedCodes, "POST", path, {"codes": list(codes)})

    async def create_campaign(
        self, form: CampaignForm, *, idempotency_key: str | None = None
    ) -> Campaign:
        """Create a campaign. Repeatable with the same `idempotency_key`."""
        return await self._call(
            Campaign, "POST", "/v1/campaigns", form, headers=once_header(idempotency_key)
        )

    async def edit_campaign(
        self, campaign_id: str, version: int, changes: CampaignEdit
    ) -> Campaign:
        """Change the fields that `changes` has.

        Raise `wrong_state` where `version` is no longer the newest, and where the campaign has ended.
        """
        path, headers = f"/v1/campaigns/{escaped(campaign_id)}", {"If-Match": str(version)}
        return await self._call(Campaign, "PATCH", path, changes, headers=headers)

    async def list_campaigns(self, page: Page = FIRST_PAGE) -> Campaigns:
        """Return a page of campaigns, newest first."""
        return await self._call(Campaigns, "GET", "/v1/campaigns", query=page_query(page))

    async def get_campaign(self, campaign_id: str) -> Campaign:
        """Return a campaign with its budget."""
        return await self._call(Campaign, "GET", f"/v1/campaigns/{escaped(campaign_id)}")

    # Calls of operators: the switch that stops claims, use or both. It works everywhere within a second.

    async def stop_campaign(self, campaign_id: str, form: StopForm) -> Stop:
        """Stop claims, use or both. Orders that are locked can still be paid."""
        return await self._call(Stop, "POST", f"/v1/campaigns/{escaped(campaign_id)}/stop", form)

    async def resume_campaign(self, campaign_id: str, form: StopForm) -> Stop:
        """Resume what `form` names."""
        return await self._call(Stop, "POST", f"/v1/campaigns/{escaped(campaign_id)}/resume", form)

    async def stop_batch(self, batch_id: str, form: StopForm) -> Stop:
        """Stop claims, use or both. Orders that are locked can still be paid."""
        return await self._call(Stop, "POST", f"/v1/batches/{escaped(batch_id)}/stop", form)

    async def end_batch(self, batch_id: str, form: BatchEndForm) -> Batch:
        """End the batch for good: no coupon of it is given any more. It cannot be undone; repeatable.

        Raise `wrong_state` while a draw of it is open.
        """
        return await self._call(Batch, "POST", f"/v1/batches/{escaped(batch_id)}/end", form)

    async def resume_batch(self, batch_id: str, form: StopForm) -> Stop:
        """Resume what `form` names."""
        return await self._call(Stop, "POST", f"/v1/batches/{escaped(batch_id)}/resume", form)

    async def stop_everything(self, form: StopForm) -> Stop:
        """Stop claims, use or both, of all batches."""
        return await self._call(Stop, "POST", "/v1/stop", form)

    async def resume_everything(self, form: StopForm) -> Stop:
        """Resume what `form` names. A batch or campaign that is stopped by itself stays stopped."""
        return await self._call(Stop, "POST", "/v1/resume", form)

    async def get_stop(self) -> Stop:
        """Return what is stopped of all batches."""
        return await self._call(Stop, "GET", "/v1/stop")

    # Calls of the school's back end and of operators: students.

    async def upsert_students(
        self, students: Sequence[StudentForm], *, idempotency_key: str | None = None
    ) -> Upserted:
        """Say what the school knows of its students. At most 1,000 a call; repeatable."""
        body = {"students": list(students)}
        return await self._call(
            Upserted, "POST", "/v1/students", body, headers=once_header(idempotency_key)
        )

    async def list_students(
        self, *, q: str | None = None, tag: str | None = None, page: Page = FIRST_PAGE
    ) -> Students:
        """Return a page of students, newest first.

        `q`: the beginning of an id, or of a name in any case. `tag`: those who have it.
        """
        return await self._call(
            Students, "GET", "/v1/students", query=page_query(page, q=q, tag=tag)
        )

    async def create_audience(
        self, form: SavedAudienceForm, *, idempotency_key: str | None = None
    ) -> SavedAudience:
        """Create an audience: a list, a tag or a rule. Repeatable with the same `idempotency_key`."""
        return await self._call(
            SavedAudience, "POST", "/v1/audiences", form, headers=once_header(idempotency_key)
        )

    async def list_audiences(self, page: Page = FIRST_PAGE) -> SavedAudiences:
        """Return a page of audiences, newest first."""
        return await self._call(SavedAudiences, "GET", "/v1/audiences", query=page_query(page))

    async def get_audience(self, audience_id: str) -> SavedAudience:
        """Return the newest version of an audience."""
        return await self._call(SavedAudience, "GET", f"/v1/audiences/{escaped(audience_id)}")

    async def replace_audience(
        self, audience_id: str, version: int, form: SavedAudienceForm
    ) -> SavedAudience:
        """Make a new version. Raise `wrong_state` where `version` is no longer the newest."""
        path, headers = f"/v1/audiences/{escaped(audience_id)}", {"If-Match": str(version)}
        return await self._call(SavedAudience, "PUT", path, form, headers=headers)

    async def preview_audience(self, audience_id: str) -> AudiencePreview:
        """Return how many students are in the audience now, and at most 20 of them."""
        path = f"/v1/audiences/{escaped(audience_id)}/preview"
        return await self._call(AudiencePreview, "POST", path)

    # Calls of operators: triggers.

    async def create_trigger(
        self, form: TriggerForm, *, idempotency_key: str | None = None
    ) -> Trigger:
        """Create a trigger as a draft. Repeatable with the same `idempotency_key`."""
        return await self._call(
            Trigger, "POST", "/v1/triggers", form, headers=once_header(idempotency_key)
        )

    async def list_triggers(self, page: Page = FIRST_PAGE) -> Triggers:
        """Return a page of triggers, newest first."""
        return await self._call(Triggers, "GET", "/v1/triggers", query=page_query(page))

    async def get_trigger(self, trigger_id: str) -> Trigger:
        """Return a trigger, with how often it has fired."""
        return await self._call(Trigger, "GET", f"/v1/triggers/{escaped(trigger_id)}")

    async def edit_trigger(self, trigger_id: str, changes: TriggerEdit) -> Trigger:
        """Change the fields that `changes` has, for later events."""
        return await self._call(Trigger, "PATCH", f"/v1/triggers/{escaped(trigger_id)}", changes)

    async def activate_trigger(self, trigger_id: str, *, catch_up: bool = False) -> Trigger:
        """Let the trigger fire from now on; with `catch_up` also for what happened while it was paused."""
        path = f"/v1/triggers/{escaped(trigger_id)}/activate"
        return await self._call(Trigger, "POST", path, {"catch_up": catch_up})

    async def pause_trigger(self, trigger_id: str, reason: str = "") -> Trigger:
        """Let the trigger fire no more until it is activated again. Repeatable. An act keeps the reason."""
        path = f"/v1/triggers/{escaped(trigger_id)}/pause"
        return await self._call(Trigger, "POST", path, {"reason": reason})

    async def dry_run_trigger(self, trigger_id: str, days: int) -> TriggerDryRun:
        """Count whom the trigger would have hit in the last days, at most 30. Nothing is issued."""
        path = f"/v1/triggers/{escaped(trigger_id)}/dry-run"
        return await self._call(TriggerDryRun, "POST", path, {"days": days})

    # Calls of the school's back end: what students do.

    async def send_student_events(self, events: Sequence[StudentEventForm]) -> AcceptedEvents:
        """Tell what students have done. At most 500 a call; repeatable, by the ids of the events."""
        body = {"events": list(events)}
        return await self._call(AcceptedEvents, "POST", "/v1/student-events", body)

    # Calls of operators: who gets nothing, which tokens are refused. They work everywhere within a second.

    async def block(self, form: BlockForm, *, idempotency_key: str | None = None) -> Block:
        """Let a student, person, device or tag get nothing. What they have stays theirs.

        A block of the same value takes the place of the one before. Repeatable with the same
        `idempotency_key`.
        """
        return await self._call(
            Block, "POST", "/v1/blocks", form, headers=once_header(idempotency_key)
        )

    async def list_blocks(
        self, *, kind: BlockKind | None = None, value: str | None = None, page: Page = FIRST_PAGE
    ) -> Blocks:
        """Return a page of the blocks in force, newest first; those of `kind` or of `value`."""
        query = page_query(page, kind=kind, value=value)
        return await self._call(Blocks, "GET", "/v1/blocks", query=query)

    async def get_block(self, block_id: str) -> Block:
        """Return a block, in force or ended."""
        return await self._call(Block, "GET", f"/v1/blocks/{escaped(block_id)}")

    async def end_block(self, block_id: str) -> Block:
        """End a block. Repeatable."""
        return await self._call(Block, "DELETE", f"/v1/blocks/{escaped(block_id)}")

    async def end_block_of(self, kind: BlockKind, value: str) -> Block:
        """End the block of this kind and value. Raise `not_found` where there is none."""
        return await self._call(Block, "DELETE", "/v1/blocks", {"kind": kind, "value": value})

    async def revoke_tokens(
        self, form: RevocationForm, *, idempotency_key: str | None = None
    ) -> Revocation:
        """Revoke one token, those of a subject, or all that were made before a time; close their sockets."""
        return await self._call(
            Revocation, "POST", "/v1/revocations", form, headers=once_header(idempotency_key)
        )

    async def list_revocations(self, page: Page = FIRST_PAGE) -> Revocations:
        """Return a page of the revocations in force, newest first."""
        return await self._call(Revocations, "GET", "/v1/revocations", query=page_query(page))

    async def stop_instructor(self, instructor: str, reason: str) -> InstructorStop:
        """Let an instructor open nothing, and close what they have open. Repeatable."""
        path = f"/v1/instructors/{escaped(instructor)}/stop"
        return await self._call(InstructorStop, "POST", path, {"reason": reason})

    async def resume_instructor(self, instructor: str, reason: str = "") -> InstructorStop:
        """Let an instructor open drops again. Repeatable."""
        path = f"/v1/instructors/{escaped(instructor)}/resume"
        return await self._call(InstructorStop, "POST", path, {"reason": reason})

    async def get_instructor(self, instructor: str) -> InstructorStop:
        """Return whether an instructor is stopped."""
        return await self._call(InstructorStop, "GET", f"/v1/instructors/{escaped(instructor)}")

    async def list_stopped_instructors(self, page: Page = FIRST_PAGE) -> InstructorStops:
        """Return a page of the instructors who are stopped, newest stop first."""
        return await self._call(InstructorStops, "GET", "/v1/instructors", query=page_query(page))

    # Calls of the school's back end and of operators: coupons without a tap.

    async def create_issuance(
        self, form: IssuanceForm, *, idempotency_key: str | None = None
    ) -> Issuance:
        """Give coupons without a tap. Repeatable with the same `idempotency_key`.

        Up to 20 named students are done with the reply, which then has `items`; ask `get_issuance` how far
        another is.
        """
        return await self._call(
            Issuance, "POST", "/v1/issuances", form, headers=once_header(idempotency_key)
        )

    async def list_issuances(
        self,
        *,
        batch_id: str | None = None,
        parent_id: str | None = None,
        source_id: str | None = None,
        page: Page = FIRST_PAGE,
    ) -> Issuances:
        """Return a page of issuances, newest first; of a batch, of a recurring issuance, or from an audience,
        import or trigger, if named."""
        query = page_query(page, batch_id=batch_id, parent_id=parent_id, source_id=source_id)
        return await self._call(Issuances, "GET", "/v1/issuances", query=query)

    async def get_issuance(self, issuance_id: str) -> Issuance:
        """Return how far an issuance is."""
        return await self._call(Issuance, "GET", f"/v1/issuances/{escaped(issuance_id)}")

    async def list_issuance_items(
        self, issuance_id: str, *, outcome: str | None = None, page: Page = FIRST_PAGE
    ) -> IssuanceItems:
        """Return a page of its students, in the order of their ids. `outcome`: only those; `pending`: those
        who are not decided yet."""
        path = f"/v1/issuances/{escaped(issuance_id)}/items"
        return await self._call(IssuanceItems, "GET", path, query=page_query(page, outcome=outcome))

    async def stop_issuance(self, issuance_id: str) -> Issuance:
        """Let an issuance give no more. Repeatable. Raise `wrong_state` once it is done."""
        return await self._call(Issuance, "POST", f"/v1/issuances/{escaped(issuance_id)}/stop")

    async def undo_issuance(self, issuance_id: str) -> Issuance:
        """Take an issuance back: nothing more goes out, and what is not used is revoked. Repeatable.

        Raise `wrong_state` when an hour has passed since its end.
        """
        return await self._call(Issuance, "POST", f"/v1/issuances/{escaped(issuance_id)}/undo")

    async def list_watched(
        self,
        *,
        kind: WatchedKind | None = None,
        level: WatchLevel | None = None,
        page: Page = FIRST_PAGE,
    ) -> WatchList:
        """Return a page of who has points and why, newest first. A level is an advice; `block` does it."""
        query = page_query(page, kind=kind, level=level)
        return await self._call(WatchList, "GET", "/v1/watch", query=query)

    # Calls of operators: packs of coupons.

    async def create_pack(self, form: PackForm, *, idempotency_key: str | None = None) -> Pack:
        """Make a pack: an issuance with its id gives a student all of it, or nothing, or their variant.

        Repeatable with the same `idempotency_key`.
        """
        return await self._call(
            Pack, "POST", "/v1/packs", form, headers=once_header(idempotency_key)
        )

    async def list_packs(self, page: Page = FIRST_PAGE) -> Packs:
        """Return a page of packs, newest first."""
        return await self._call(Packs, "GET", "/v1/packs", query=page_query(page))

    async def get_pack(self, pack_id: str) -> Pack:
        """Return a pack."""
        return await self._call(Pack, "GET", f"/v1/packs/{escaped(pack_id)}")

    async def preview_pack(self, pack_id: str) -> PackPreview:
        """Count who fulfils the variants of a pack now, and who several.

        Raise `wrong_state` where it has none.
        """
        return await self._call(PackPreview, "POST", f"/v1/packs/{escaped(pack_id)}/preview")

    # Calls of operators: what needs a second person.

    async def list_approvals(
        self, page: Page = FIRST_PAGE, *, state: ApprovalState | None = None
    ) -> Approvals:
        """Return a page of approvals, newest first; of that state where one is given."""
        query = page_query(page, state=state)
        return await self._call(Approvals, "GET", "/v1/approvals", query=query)

    async def get_approval(self, approval_id: str) -> Approval:
        """Return an approval."""
        return await self._call(Approval, "GET", f"/v1/approvals/{escaped(approval_id)}")

    async def approve(self, approval_id: str, note: str = "") -> Approval:
        """Let it happen. Repeatable. Raise `wrong_role` for who asked, `wrong_state` where it is decided."""
        path = f"/v1/approvals/{escaped(approval_id)}/approve"
        return await self._call(Approval, "POST", path, {"note": note})

    async def reject(self, approval_id: str, note: str = "") -> Approval:
        """Refuse it: nothing is sent. Repeatable. Raise as `approve` does."""
        path = f"/v1/approvals/{escaped(approval_id)}/reject"
        return await self._call(Approval, "POST", path, {"note": note})

    # Calls of operators: price rules.

    async def create_price_rule(
        self, form: PriceRuleForm, *, idempotency_key: str | None = None
    ) -> PriceRule:
        """Make a price rule. Repeatable with the same `idempotency_key`."""
        headers = once_header(idempotency_key)
        return await self._call(PriceRule, "POST", "/v1/price-rules", form, headers=headers)

    async def list_price_rules(self, page: Page = FIRST_PAGE) -> PriceRules:
        """Return a page of price rules, newest first."""
        return await self._call(PriceRules, "GET", "/v1/price-rules", query=page_query(page))

    async def get_price_rule(self, rule_id: str) -> PriceRuleFigures:
        """Return a price rule and the last 30 days of its courses."""
        return await self._call(PriceRuleFigures, "GET", f"/v1/price-rules/{escaped(rule_id)}")

    async def end_price_rule(self, rule_id: str, reason: str = "") -> PriceRule:
        """End a price rule and return it as it was."""
        path = f"/v1/price-rules/{escaped(rule_id)}"
        return await self._call(PriceRule, "DELETE", path, {"reason": reason})

    # Links: operators make them, students of any room claim by them.

    async def create_link(
        self, batch_id: str, form: LinkForm, *, idempotency_key: str | None = None
    ) -> Link:
        """Make a link of the batch. Raise `stock_short` where the batch has too little.

        Repeatable with the same `idempotency_key`.
        """
        path, headers = f"/v1/batches/{escaped(batch_id)}/links", once_header(idempotency_key)
        return await self._call(Link, "POST", path, form, headers=headers)

    async def list_links(self, batch_id: str, page: Page = FIRST_PAGE) -> Links:
        """Return a page of the batch's links, newest first."""
        path = f"/v1/batches/{escaped(batch_id)}/links"
        return await self._call(Links, "GET", path, query=page_query(page))

    async def get_link(self, link_id: str) -> Link:
        """Return a link with its counts, by its id or slug."""
        return await self._call(Link, "GET", f"/v1/links/{escaped(link_id)}")

    async def change_link(self, link_id: str, edit: LinkEdit) -> Link:
        """Pause, resume or end a link, change its end, its note or its prompt, or add units. Repeatable.

        Raise `stock_short`, and `wrong_state` (`quantity`) where it has not the expected quantity.
        """
        return await self._call(Link, "PATCH", f"/v1/links/{escaped(link_id)}", edit)

    async def link_qr(self, link_id: str, size: int = 480) -> str:
        """Return the QR code of the link's address as SVG."""
        path = f"/v1/links/{escaped(link_id)}/qr.svg"
        return await self._call(str, "GET", path, query={"size": str(size)})

    # Lotteries: operators make them, students spin.

    async def create_lottery(
        self, form: LotteryForm, *, idempotency_key: str | None = None
    ) -> Lottery:
        """Make a lottery: prizes with published odds. Raise `stock_short` where a batch has too little.

        Repeatable with the same `idempotency_key`.
        """
        headers = once_header(idempotency_key)
        return await self._call(Lottery, "POST", "/v1/lotteries", form, headers=headers)

    async def list_lotteries(
        self, page: Page = FIRST_PAGE, *, state: LotteryState | None = None
    ) -> Lotteries:
        """Return a page of lotteries, newest first."""
        query = page_query(page, state=state)
        return await self._call(Lotteries, "GET", "/v1/lotteries", query=query)

    async def change_lottery(self, lottery_id: str, edit: LotteryEdit) -> Lottery:
        """Pause, resume or end a lottery, or change its texts or its window."""
        return await self._call(Lottery, "PATCH", f"/v1/lotteries/{escaped(lottery_id)}", edit)

    # Calls of operators: files of students.

    async def create_import(
        self, file: bytes, *, media_type: str = "text/csv", idempotency_key: str | None = None
    ) -> Import:
        """Read a file of students, CSV or XLSX, and return what was found. Nothing is issued by that.

        At most 10 MB and 100,000 rows. A `media_type` like `text/csv; charset=gbk` names the encoding, which
        is found out otherwise. Repeatable with the same `idempotency_key`.
        """
        headers = {"Content-Type": media_type, **once_header(idempotency_key)}
        return await self._call(Import, "POST", "/v1/imports", headers=headers, file=file)

    async def list_imports(self, page: Page = FIRST_PAGE) -> Imports:
        """Return a page of imports, newest first."""
        return await self._call(Imports, "GET", "/v1/imports", query=page_query(page))

    async def get_import(self, import_id: str) -> Import:
        """Return an import. It is kept for 30 days."""
        return await self._call(Import, "GET", f"/v1/imports/{escaped(import_id)}")

    async def import_result(
        self, import_id: str, *, file_format: ImportFormat = "csv", issuance_id: str | None = None
    ) -> bytes:
        """Return the rows of the file with what became of each: of that issuance, or of the newest."""
        query = page_query(FIRST_PAGE, format=file_format, issuance_id=issuance_id)
        path = f"/v1/imports/{escaped(import_id)}/result"
        return await self._call(bytes, "GET", path, query=query)

    # Calls of operators and finance.

    async def get_order(self, order_id: str) -> OrderRecord:
        """Return an order's record: list prices, coupons, discounts by line, payment, refunds, all times."""
        return await self._call(OrderRecord, "GET", f"/v1/orders/{escaped(order_id)}")

    async def get_coupon(self, code: str) -> CouponRecord:
        """Return a coupon of any student, with its whole history."""
        return await self._call(CouponRecord, "GET", f"/v1/coupons/{escaped(code)}")

    async def list_orders(
        self, wanted: OrderFilter | None = None, page: Page = FIRST_PAGE
    ) -> Orders:
        """Return a page of orders, newest first; it may be short: go on while `next` is not null."""
        return await self._call(
            Orders, "GET", "/v1/orders", query=page_query(page, **_texts(wanted))
        )

    async def list_coupons(
        self, wanted: CouponFilter | None = None, page: Page = FIRST_PAGE
    ) -> ListedCoupons:
        """Return a page of coupons, newest first; it may be short: go on while `next` is not null."""
        query = page_query(page, **_texts(wanted))
        return await self._call(ListedCoupons, "GET", "/v1/coupons", query=query)

    async def void_coupon(self, code: str, reason: str) -> CouponRecord:
        """Take a coupon out of use, whoever has it. Raise `coupon_locked`, `wrong_state`."""
        path = f"/v1/coupons/{escaped(code)}/void"
        return await self._call(CouponRecord, "POST", path, {"reason": reason})

    async def find(self, text: str) -> FoundThings:
        """Return what the text names: an id of any kind, a code, an order, a student."""
        return await self._call(FoundThings, "GET", "/v1/find", query={"q": text})

    async def list_acts(self, *, page: Page = FIRST_PAGE, **wanted: Unpack[ActFilter]) -> Acts:
        """Return a page of acts, newest first; those that are wanted."""
        query = page_query(page, **_act_query(wanted))
        return await self._call(Acts, "GET", "/v1/acts", query=query)

    async def export_acts(self, **wanted: Unpack[ActFilter]) -> str:
        """Return all acts that are wanted as CSV, with a header line."""
        query = {"format": "csv", **_act_query(wanted)}
        return await self._call(str, "GET", "/v1/acts", query=query)

    async def report_coupons(
        self, first: str, last: str, by: ReportBy = "day", page: Page = FIRST_PAGE
    ) -> Report:
        """Report coupons: issued, claimed, used, and what they cost, on these days (both included)."""
        query = page_query(page, **{"from": first, "to": last, "by": by})
        return await self._call(Report, "GET", "/v1/reports/coupons", query=query)

    async def report_orders(
        self, first: str, last: str, by: ReportBy = "day", page: Page = FIRST_PAGE
    ) -> Report:
        """Report orders with and without a coupon, on these days (both included)."""
        query = page_query(page, **{"from": first, "to": last, "by": by})
        return await self._call(Report, "GET", "/v1/reports/orders", query=query)

    async def report_courses(
        self, first: str, last: str, by: ReportBy = "day", page: Page = FIRST_PAGE
    ) -> Report:
        """Report the courses that were bought with coupons, on these days (both included)."""
        query = page_query(page, **{"from": first, "to": last, "by": by})
        return await self._call(Report, "GET", "/v1/reports/courses", query=query)

    async def report_file(
        self, report: ReportKind, first: str, last: str, by: ReportBy = "day"
    ) -> str:
        """Return a whole report as CSV: all rows, then the totals."""
        query = {"from": first, "to": last, "by": by, "format": "csv"}
        return await self._call(str, "GET", f"/v1/reports/{report}", query=query)

    async def live_drops(self, page: Page = FIRST_PAGE) -> DropReports:
        """Return a page of the drops that run now in all rooms, newest first, with their live counters."""
        return await self._call(DropReports, "GET", "/v1/reports/live", query=page_query(page))

    async def report_definitions(self) -> ReportDefinitions:
        """Return the figures of all reports, with formulas and words."""
        return await self._call(ReportDefinitions, "GET", "/v1/reports/definitions")

    # Experiments: operators make them, finance reads.

    async def start_experiment(
        self, form: ExperimentForm, *, idempotency_key: str | None = None
    ) -> ExperimentResult:
        """Start an experiment with batches of which nothing is out yet.

        Repeatable with the same `idempotency_key`.
        """
        path, headers = "/v1/experiments", once_header(idempotency_key)
        return await self._call(ExperimentResult, "POST", path, form, headers=headers)

    async def list_experiments(self, page: Page = FIRST_PAGE) -> Experiments:
        """Return a page of experiments, newest first, without results."""
        return await self._call(Experiments, "GET", "/v1/experiments", query=page_query(page))

    async def get_experiment(self, experiment_id: str) -> ExperimentResult:
        """Return an experiment with its figures, intervals and alarm."""
        path = f"/v1/experiments/{escaped(experiment_id)}"
        return await self._call(ExperimentResult, "GET", path)

    async def end_experiment(self, experiment_id: str) -> ExperimentResult:
        """End an experiment: its batches are for everybody again. Repeatable."""
        path = f"/v1/experiments/{escaped(experiment_id)}/end"
        return await self._call(ExperimentResult, "POST", path)

    async def read_statement(self, first: str, last: str, page: Page = FIRST_PAGE) -> Statement:
        """Return lines of the statement of these days (as in 2026-03-01, both included), oldest first."""
        query = page_query(page, **{"from": first, "to": last})
        return await self._call(Statement, "GET", "/v1/statements", query=query)

    async def statement_file(
        self, first: str, last: str, file_format: StatementFormat = "csv"
    ) -> bytes:
        """Return all lines of these days as a file."""
        query = {"from": first, "to": last, "format": file_format}
        return await self._call(bytes, "GET", "/v1/statements", query=query)

    async def statement_days(self, first: str, last: str) -> StatementDays:
        """Return the sealed days among these, oldest first, with their sums and hashes."""
        query = {"from": first, "to": last}
        return await self._call(StatementDays, "GET", "/v1/statements/days", query=query)

    async def match_statement(self, form: StatementMatchForm) -> StatementMatch:
        """Compare a payment provider's orders with the statement of these days."""
        return await self._call(StatementMatch, "POST", "/v1/statements/match", form)

    async def read_events(
        self,
        after: int = 0,
        *,
        types: Sequence[str] | None = None,
        wait_seconds: int = 0,
        limit: int | None = None,
    ) -> Events:
        """Return the events after the number `after`, oldest first; wait for one, up to 25 s."""
        query = {"after": str(after), "wait_seconds": str(wait_seconds)}
        if types is not None:
            query["types"] = ",".join(types)
        if limit is not None:
            query["limit"] = str(limit)
        return await self._call(Events, "GET", "/v1/events", query=query)

    async def list_messages(
        self,
        *,
        student: str | None = None,
        state: str | None = None,
        channel: str | None = None,
        cause: str | None = None,
        page: Page = FIRST_PAGE,
    ) -> StudentMessages:
        """Return a page of messages to students, newest first, with what became of each; for one student,
        in one state, of one channel, or of what the id `cause` asked for."""
        query = page_query(page, student=student, state=state, channel=channel, cause=cause)
        return await self._call(StudentMessages, "GET", "/v1/messages", query=query)

    async def get_student(
        self, student: str, *, section: RecordSection | None = None, page: Page = FIRST_PAGE
    ) -> StudentRecord:
        """Return everything that is kept of a student: the newest rows of each section, or of one alone."""
        query = page_query(page, section=section)
        path = f"/v1/students/{escaped(student)}"
        return await self._call(StudentRecord, "GET", path, query=query)

    async def export_student(self, student: str, *, idempotency_key: str | None = None) -> Job:
        """Make a file of everything that is kept of a student; `job_result` fetches it. Repeatable with the
        same `idempotency_key`."""
        path = f"/v1/students/{escaped(student)}/export"
        return await self._call(Job, "POST", path, headers=once_header(idempotency_key))

    async def erase_student(self, student: str, reason: str) -> Job:
        """Put a pseudonym in the student's place everywhere. Raise `wrong_state` while an order is paid."""
        path = f"/v1/students/{escaped(student)}/erase"
        return await self._call(Job, "POST", path, {"reason": reason})

    async def merge_student(self, student: str, into: str) -> Job:
        """Give what an account has to another account of the same person. Raise `not_found` where nothing is
        known of one of them, `coupon_locked` while an order is paid, `wrong_state` while it is merged into
        another one."""
        path = f"/v1/students/{escaped(student)}/merge-into/{escaped(into)}"
        return await self._call(Job, "POST", path)

    async def get_job(self, job_id: str) -> Job:
        """Return how far a job is."""
        return await self._call(Job, "GET", f"/v1/jobs/{escaped(job_id)}")

    async def job_result(self, job_id: str) -> bytes:
        """Return the file that a job made. Raise `not_found` where there is none (any more)."""
        return await self._call(bytes, "GET", f"/v1/jobs/{escaped(job_id)}/result")

    # Alerts: what somebody must look at.

    async def list_alerts(self, state: AlertState = "open", page: Page = FIRST_PAGE) -> Alerts:
        """Return a page of alerts in this state, newest first."""
        return await self._call(Alerts, "GET", "/v1/alerts", query=page_query(page, state=state))

    async def act_on_alert(self, alert_id: str, form: AlertActForm) -> Alert:
        """Do what mends the alert, or dismiss it."""
        return await self._call(Alert, "POST", f"/v1/alerts/{escaped(alert_id)}/act", form)

    # Consistency: what desk and ledger say of one another.

    async def examine(self, form: ExamineForm, *, idempotency_key: str | None = None) -> Job:
        """Have a worker look for faults and, with `repair`, mend what can be mended; one at a time."""
        headers = once_header(idempotency_key)
        return await self._call(Job, "POST", "/v1/consistency", form, headers=headers)

    async def get_consistency(self) -> Consistency:
        """Return what the newest look for faults has found."""
        return await self._call(Consistency, "GET", "/v1/consistency")

    # Webhooks: events that are sent.

    async def create_webhook(
        self, form: WebhookForm, *, idempotency_key: str | None = None
    ) -> Webhook:
        """Have events sent to a receiver from now on. Only this reply has its `secret`."""
        return await self._call(
            Webhook, "POST", "/v1/webhooks", form, headers=once_header(idempotency_key)
        )

    async def list_webhooks(self, page: Page = FIRST_PAGE) -> Webhooks:
        """Return a page of webhooks, newest first."""
        return await self._call(Webhooks, "GET", "/v1/webhooks", query=page_query(page))

    async def get_webhook(self, webhook_id: str) -> Webhook:
        """Return a webhook."""
        return await self._call(Webhook, "GET", _webhook(webhook_id))

    async def change_webhook(self, webhook_id: str, edit: WebhookEdit) -> Webhook:
        """Change, pause or resume a webhook."""
        return await self._call(Webhook, "PATCH", _webhook(webhook_id), edit)

    async def remove_webhook(self, webhook_id: str, reason: str = "") -> Webhook:
        """Remove a webhook, and return it as it was."""
        return await self._call(Webhook, "DELETE", _webhook(webhook_id), {"reason": reason})

    async def rotate_webhook(self, webhook_id: str) -> Webhook:
        """Return the webhook with a new `secret`; the old one signs as well for 24 hours."""
        return await self._call(Webhook, "POST", _webhook(webhook_id, "/rotate"))

    async def test_webhook(self, webhook_id: str) -> Delivery:
        """Have the receiver called once, and return what it answered."""
        return await self._call(Delivery, "POST", _webhook(webhook_id, "/test"))

    async def replay_webhook(self, webhook_id: str, from_seq: int, to_seq: int) -> Replay:
        """Have the events of these numbers sent again, both ends included."""
        body = {"from_seq": from_seq, "to_seq": to_seq}
        return await self._call(Replay, "POST", _webhook(webhook_id, "/replay"), body)

    async def list_deliveries(self, webhook_id: str, page: Page = FIRST_PAGE) -> Deliveries:
        """Return a page of a webhook's calls, newest first."""
        path = _webhook(webhook_id, "/deliveries")
        return await self._call(Deliveries, "GET", path, query=page_query(page))

    # Calls that need no token.

    async def metrics(self) -> str:
        """Return the metrics as Prometheus text."""
        return await self._call(str, "GET", "/metrics")

    async def openapi(self) -> dict[str, object]:
        """Return the OpenAPI document of the running server."""
        return await self._call(dict[str, object], "GET", "/openapi.json")


def _webhook(webhook_id: str, call: str = "") -> str:
    return f"/v1/webhooks/{escaped(webhook_id)}{call}"


def _texts(wanted: Mapping[str, object] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (wanted or {}).items()}


def _act_query(wanted: ActFilter) -> dict[str, str]:
    names = {"first": "from", "last": "to"}
    return {
        names.get(name, name): str(value) for name, value in wanted.items() if value is not None
    }
