// @ts-check
// Shows /openapi.json in Swagger UI. A file of its own: the page's policy allows no script in it.

async function show() {
  const response = await fetch("/openapi.json");
  if (!response.ok) throw new Error(`/openapi.json answered ${response.status}`);
  const spec = await response.json();
  /** The global of Swagger UI's own script. @type {(options: object) => void} */
  const swaggerUi = /** @type {any} */ (globalThis).SwaggerUIBundle;
  swaggerUi({ spec, dom_id: "#document", deepLinking: true });
}

show().catch((error) => {
  /** @type {HTMLElement} */ (document.getElementById("document")).textContent = String(error);
});
