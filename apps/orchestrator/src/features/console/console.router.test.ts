import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express, { type Express } from 'express';
import request from 'supertest';
import { docsRouter } from '../docs/docs.router';
import { consoleRouter } from './console.router';

describe('the console’s files', () => {
  let directory: string;
  const appOf = (path: string): Express => express().use('/', consoleRouter({ directory: path }));

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'console-'));
    mkdirSync(join(directory, 'assets'));
    writeFileSync(join(directory, 'index.html'), '<title>the console</title>');
    writeFileSync(join(directory, 'assets', 'app-1a2b3c.js'), 'run()');
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('keep hashed files for ever and ask for the page each time', async () => {
    const asset = await request(appOf(directory)).get('/assets/app-1a2b3c.js').expect(200);
    expect(asset.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const page = await request(appOf(directory)).get('/').set('Accept', 'text/html').expect(200);
    expect(page.headers['cache-control']).toBe('no-cache');
  });

  it('answer every page of the console with its index', async () => {
    const { text } = await request(appOf(directory)).get('/products/7/broker').set('Accept', 'text/html').expect(200);
    expect(text).toContain('the console');
  });

  it.each(['/api/v1/nothing', '/internal/nothing', '/admin/nothing', '/docs/nothing'])(
    'leave %s alone',
    async (path) => {
      await request(appOf(directory)).get(path).set('Accept', 'text/html').expect(404);
    },
  );

  it('do not answer programs and writes with a page', async () => {
    await request(appOf(directory)).get('/nothing').set('Accept', 'application/json').expect(404);
    await request(appOf(directory)).post('/products').set('Accept', 'text/html').expect(404);
  });

  it('do not lead out of their folder', async () => {
    await request(appOf(directory)).get('/..%2f..%2fetc/passwd').set('Accept', 'application/json').expect(404);
  });

  it('say how to make them when they are not built', async () => {
    const { text } = await request(appOf(join(directory, 'nowhere')))
      .get('/')
      .set('Accept', 'text/html')
      .expect(503);
    expect(text).toContain('npm run build');
  });
});

describe('the documentation page', () => {
  it('shows each call with what it takes, escaped, without scripts and inline styles', async () => {
    const openApi = {
      info: { title: 'x', version: '1', description: '<b>' },
      paths: {
        '/api/v1/things': {
          get: {
            operationId: 'getThings',
            summary: 'List <things>',
            tags: ['Things'],
            'x-access': 'viewer',
            parameters: [{ name: 'page', in: 'query', required: false, schema: { type: 'integer', minimum: 1 } }],
            responses: { 200: { description: 'Success' } },
          },
        },
      },
      components: { schemas: { Thing: { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } } } },
    };
    const { text } = await request(express().use('/docs', docsRouter({ openApi })))
      .get('/docs')
      .expect(200);
    expect(text).toContain('/api/v1/things');
    expect(text).toContain('List &#60;things&#62;');
    expect(text).not.toMatch(/<script|style="|<b>/);
  });
});
