"""Parts that all HTTP calls share: tokens, bodies, fields, problems, paging, documents."""
