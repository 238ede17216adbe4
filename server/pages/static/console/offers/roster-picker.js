// @ts-check
/**
 * The list of who is in the room, to pick students from: a search, the tags that are there, a row for each
 * student. Read while the panel is open. Loaded by offer-panel.js when the panel is opened first.
 */

import { errorText } from "/sdk/texts.js";
import { drawEach, fill, h, place, setText, show } from "/sdk/element/dom.js";
import { asApiError } from "../../shared/api-errors.js";

/** @typedef {import("../../shared/language.js").Language} Language */
/** @typedef {import("/sdk/shapes.js").RoomStudent} RoomStudent */
/** @typedef {import("/sdk/shapes.js").RoomStudents} RoomStudents */

const LOOK_MS = 5_000;
const TYPING_MS = 250;
const MOST_SHOWN = 500;
const MOST_TAGS = 12;

/**
 * @typedef {object} Picking
 * @property {() => boolean} isOpen whether anybody looks
 * @property {() => ReadonlySet<string>} picked the ids that are picked
 * @property {(id: string, isPicked: boolean) => void} pick
 * @property {(tag: string) => void} pickTag everybody here with the tag; "": nobody by a tag
 */

export class RosterPicker {
  /**
   * @param {import("/sdk/api.js").Api} api
   * @param {string} room
   * @param {Language} language
   * @param {HTMLElement} box
   * @param {Picking} picking
   */
  constructor(api, room, language, box, picking) {
    this._api = api;
    this._room = room;
    this._language = language;
    this._picking = picking;
    /** @type {RoomStudents|null} */
    this._roster = null;
    /** Tags of students who were shown, also while a search hides them. @type {Set<string>} */
    this._tags = new Set();
    this._tag = "";
    this._isAll = false;
    this._trouble = () => "";
    /** Counts the readings: an older answer does not replace a newer one. */
    this._reading = 0;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this._typing = undefined;
    /** @type {Map<string, Row>} */
    this._rows = new Map();
    const later = () => {
      clearTimeout(this._typing);
      this._typing = setTimeout(() => void this.read(), TYPING_MS);
    };
    this._searchLabel = h("label", { for: "roster-search" });
    this._search = h("input", {
      type: "text",
      enterkeyhint: "search",
      id: "roster-search",
      maxlength: 64,
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      oninput: later,
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Enter") event.preventDefault(); // it searches already, and must not send
      },
    });
    this._chips = h("div", { class: "segments", id: "roster-tags", role: "group" });
    this._all = h("input", {
      type: "checkbox",
      id: "roster-all",
      onchange: () => {
        this._isAll = this._all.checked;
        this._tellTag();
        this.show();
      },
    });
    this._allText = h("span");
    this._allBox = h("label", { class: "switch" }, this._all, this._allText);
    this._count = h("p", { class: "hint", id: "roster-count", role: "status" });
    this._list = h("ul", { class: "roster", id: "roster-list", tabindex: "0" });
    this._said = h("p", { class: "field-error", id: "roster-trouble", role: "alert" });
    fill(
      box,
      h("div", { class: "field" }, this._searchLabel, this._search),
      this._chips,
      this._allBox,
      this._count,
      this._said,
      this._list,
    );
    this.show();
    language.addEventListener("change", () => this.show());
    setInterval(() => {
      if (document.visibilityState === "visible" && picking.isOpen()) void this.read();
    }, LOOK_MS);
  }

  /** Read who is here. */
  async read() {
    const reading = ++this._reading;
    try {
      const roster = await this._api.listRoomStudents(this._room, {
        limit: MOST_SHOWN,
        q: this._search.value.trim() || undefined,
        tag: this._tag || undefined,
      });
      if (reading !== this._reading) return;
      this._roster = roster;
      for (const { tags } of roster.students) for (const tag of tags) this._tags.add(tag);
      this._trouble = () => "";
    } catch (error) {
      const { code, facts } = asApiError(error);
      this._trouble = () => errorText(code, this._language.current, facts);
    }
    this.show();
  }

  /** Choose nobody by a tag any more, as after the coupons were sent. */
  reset() {
    this._isAll = false;
    this.show();
  }

  /** @param {string} tag */
  _choose(tag) {
    this._tag = tag;
    this._isAll = false;
    this._tellTag();
    this.show();
    void this.read();
  }

  _tellTag() {
    this._picking.pickTag(this._isAll ? this._tag : "");
  }

  /** Show what is known; called also when the picked students have changed. */
  show() {
    const say = this._language.say.bind(this._language);
    setText(this._searchLabel, say("roster_search"));
    this._list.setAttribute("aria-label", say("roster_list"));
    this._chips.setAttribute("aria-label", say("roster_tags"));
    this._showChips();
    const { students = [], found = 0, present = 0 } = this._roster ?? {};
    show(this._allBox, this._tag !== "" && found > 0);
    this._all.checked = this._isAll;
    setText(this._allText, say("roster_all", { tag: this._tag, n: found }));
    const facts = { n: present, found, shown: students.length };
    const key =
      present === 0
        ? "roster_nobody"
        : found > students.length
          ? "roster_some"
          : found < present
            ? "roster_found"
            : "roster_here";
    setText(this._count, this._roster ? say(key, facts) : "");
    setText(this._said, this._trouble());
    show(this._said, this._trouble() !== "");
    show(this._list, students.length > 0);
    this._showRows(students);
  }

  _showChips() {
    const tags = [...this._tags].sort().slice(0, MOST_TAGS);
    if (this._tag && !tags.includes(this._tag)) tags.push(this._tag);
    show(this._chips, tags.length > 0);
    const shown = [...this._chips.querySelectorAll("input")].map(({ value }) => value);
    if (shown.join("\n") !== ["", ...tags].join("\n")) fill(this._chips, ...this._chipsOf(tags));
    for (const chip of this._chips.querySelectorAll("input")) {
      chip.checked = chip.value === this._tag;
      const text = chip.value || this._language.say("roster_everybody");
      if (chip.nextElementSibling) setText(chip.nextElementSibling, text);
    }
  }

  /** @param {string[]} tags */
  _chipsOf(tags) {
    return ["", ...tags].map((value) =>
      h(
        "label",
        { class: "segment" },
        h("input", {
          type: "radio",
          name: "roster-tag",
          value,
          onchange: () => this._choose(value),
        }),
        h("span"),
      ),
    );
  }

  /** @param {RoomStudent[]} students */
  _showRows(students) {
    const ids = new Set(students.map(({ id }) => id));
    for (const id of this._rows.keys()) if (!ids.has(id)) this._rows.delete(id);
    const picked = this._picking.picked();
    const rowOf = (/** @type {RoomStudent} */ student) => {
      const row = this._rows.get(student.id) ?? new Row(student.id, this._picking.pick);
      this._rows.set(student.id, row);
      row.update(student, this._isAll || picked.has(student.id), this._isAll);
      return row.root;
    };
    place(
      this._list,
      drawEach(students, rowOf, ({ id }) => h("li", null, id)),
    );
  }
}

/** One student. */
class Row {
  /** @param {string} id @param {(id: string, isPicked: boolean) => void} pick */
  constructor(id, pick) {
    this._box = h("input", {
      type: "checkbox",
      value: id,
      onchange: () => pick(id, this._box.checked),
    });
    this._name = h("strong");
    this._facts = h("span", { class: "hint" });
    this.root = h(
      "li",
      null,
      h("label", { class: "present" }, this._box, h("span", null, this._name, this._facts)),
    );
  }

  /** @param {RoomStudent} student @param {boolean} isPicked @param {boolean} isFixed */
  update({ id, name, tags }, isPicked, isFixed) {
    this._box.checked = isPicked;
    this._box.disabled = isFixed;
    setText(this._name, name ?? id);
    setText(this._facts, [name ? id : "", ...tags].filter(Boolean).join(" · "));
  }
}
