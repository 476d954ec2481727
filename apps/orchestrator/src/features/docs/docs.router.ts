import { Router } from 'express';
import { renderProblemList, renderProblemPage } from './problem-page';
import { DOCS_CSS, renderDocsPage } from './docs-page';

/** `/docs`: the API readably, from its OpenAPI document. */
export function docsRouter({ openApi }: { openApi: object }): Router {
  const router = Router();
  const page = renderDocsPage(openApi);
  router.get('/', (_request, response) => {
    response.set('Cache-Control', 'no-cache').type('html').send(page);
  });
  router.get('/problems', (_request, response) => {
    response.set('Cache-Control', 'no-cache').type('html').send(renderProblemList());
  });
  router.get('/problems/:kind', (request, response, next) => {
    const found = renderProblemPage(request.params.kind);
    if (found === null) next();
    else response.set('Cache-Control', 'no-cache').type('html').send(found);
  });
  router.get('/docs.css', (_request, response) => {
    response.set('Cache-Control', 'no-cache').type('css').send(DOCS_CSS);
  });
  return router;
}
