// @ts-check
/** The texts of charts. */

/** @type {Record<string, readonly [string, string]>} */
export const chartMessages = {
  chart_table: ["数据表", "The figures as a table"],
  chart_empty: ["这段时间没有数据。", "There are no figures for this time."],
};
