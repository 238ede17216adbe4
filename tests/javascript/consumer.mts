// What a school's back end in TypeScript does with the SDK: `tsc` checks it, nothing runs it.

import { Api, ApiError, RoomClient, makeToken } from "classdrop-sdk";
import type { Redemption } from "classdrop-sdk/shapes.js";

export async function discounts(secret: string, orderId: string): Promise<Map<string, number>> {
  const getToken = () => makeToken(secret, { sub: "shop", role: "service" });
  const api = new Api({ url: "https://classdrop.school", getToken });
  try {
    const redemption: Redemption = await api.findRedemption(orderId);
    return new Map(redemption.coupons.map(({ code, discount }) => [code, discount]));
  } catch (error) {
    if (error instanceof ApiError && error.code === "not_found") return new Map();
    throw error;
  }
}

export async function claimFirst(client: RoomClient): Promise<string> {
  const [drop] = client.state.drops;
  // @ts-expect-error A drop has no such field: the types are not `any`.
  drop.no_such_field;
  return client.claim(drop.id);
}
