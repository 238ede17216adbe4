// Shows /openapi.json in Swagger UI. A file of its own: the page's policy allows no script in it.

/* global SwaggerUIBundle */

async function show() {
  const response = await fetch("/openapi.json");
  if (!response.ok) throw new Error(`/openapi.json answered ${response.status}`);
  const spec = await response.json();
  SwaggerUIBundle({ spec, dom_id: "#document", deepLinking: true });
}

show().catch((error) => {
  document.getElementById("document").textContent = String(error);
});
