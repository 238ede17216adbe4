// @ts-check
/**
 * Effects: what the session asks the client around it to do. Twin of `python/shapes/effects.py`.
 *
 * @module
 */

/** @import {RoomEvent} from "./room.js" */

/**
 * One of:
 * - `connect`: open a socket, and report its `opened`, `frame` and `closed`; ignore earlier sockets
 * - `send`: send the text on the open socket
 * - `emit`: hand the event to the caller
 * - `request_token`: get a token, and report `token` or `tokenFailed`
 * - `claim_over_http`: send the claim over HTTP, and report `httpAnswered` or `httpFailed`
 * - `disconnect`: close the socket with this code, and ignore it from now on
 * - `wake_at`: call `tick` at this time (local ms); this replaces an earlier one
 *
 * @typedef {{do: "connect"} | {do: "send", text: string} | {do: "emit", event: RoomEvent}
 *   | {do: "request_token"} | {do: "claim_over_http", drop_id: string, request_id: string}
 *   | {do: "disconnect", code: number} | {do: "wake_at", at: number}} Effect
 */

export {};
