// Shows /openapi.json in Swagger UI. A file of its own: the page's policy allows no script in it.

/* global SwaggerUIBundle */

async function show() {
  const response = await fetch("/openapi.json");
  if (!response.ok) throw new Error(`/openapi.json answered ${response.status}`);
  const spec = await response.json();
  // The bundled Swagger UI knows 3.0 only and refuses to look at a 3.1 document; what it shows of ours
  // reads the same in both.
  SwaggerUIBundle({ spec: { ...spec, openapi: "3.0.3" }, dom_id: "#document", deepLinking: true });
}

show().catch((error) => {
  document.getElementById("document").textContent = String(error);
});
