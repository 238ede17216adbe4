// @ts-check
// Shows /openapi.json in Swagger UI. A file of its own: the page's policy allows no script in it.

async function show() {
  const response = await fetch("/openapi.json");
  if (!response.ok) throw new Error(`/openapi.json answered ${response.status}`);
  const spec = await response.json();
  /** The global of Swagger UI's own script. @type {(options: object) => void} */
  const swaggerUi = /** @type {any} */ (globalThis).SwaggerUIBundle;
  // The groups and the schemas are closed at first: to draw all of some hundred calls takes 2 s of a
  // quiet core, and more than 5 s of a busy one. A group is drawn when it is opened.
  swaggerUi({
    spec,
    dom_id: "#document",
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: 0,
  });
}

show().catch((error) => {
  /** @type {HTMLElement} */ (document.getElementById("document")).textContent = String(error);
});
