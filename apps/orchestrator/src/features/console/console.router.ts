import { existsSync } from 'node:fs';
import { join } from 'node:path';
import express, { type Request, Router } from 'express';

/** Paths that are never pages of the console: an unknown one is a 404 in JSON. */
const NOT_THE_CONSOLE = /^\/(api|internal|admin|docs|metrics|livez|readyz|healthz)(\/|$)/;

/**
 * Serves the built console: files whose names hold a hash for ever, `index.html` for every other page. Without a build a
 * page says how to make one.
 */
export function consoleRouter({ directory }: { directory: string }): Router {
  const router = Router();
  const index = join(directory, 'index.html');
  router.use(
    express.static(directory, {
      index: false,
      redirect: false,
      setHeaders: (response, path) => {
        const hashed = path.startsWith(join(directory, 'assets'));
        response.set('Cache-Control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    }),
  );
  router.use((request, response, next) => {
    if (!isPage(request)) {
      next();
      return;
    }
    response.set('Cache-Control', 'no-cache');
    if (existsSync(index)) response.sendFile(index, { cacheControl: false, dotfiles: 'allow' });
    else response.status(503).type('html').send(NOT_BUILT);
  });
  return router;
}

function isPage(request: Request): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  return !NOT_THE_CONSOLE.test(request.path) && request.accepts(['json', 'html']) === 'html';
}

const NOT_BUILT = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>cortex-mqtt</title></head>
<body>
<h1>cortex-mqtt</h1>
<p>The console is not built. Run <code>npm run build</code> and reload this page.</p>
<p>The API works without it: <a href="/docs">documentation</a>.</p>
</body></html>
`;
