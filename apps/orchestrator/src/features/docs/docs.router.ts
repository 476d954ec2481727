import { Router } from 'express';
import { DOCS_CSS, renderDocsPage } from './docs-page';

/** `/docs`: the API readably, from its OpenAPI document. */
export function docsRouter({ openApi }: { openApi: object }): Router {
  const router = Router();
  const page = renderDocsPage(openApi);
  router.get('/', (_request, response) => {
    response.set('Cache-Control', 'no-cache').type('html').send(page);
  });
  router.get('/docs.css', (_request, response) => {
    response.set('Cache-Control', 'no-cache').type('css').send(DOCS_CSS);
  });
  return router;
}
