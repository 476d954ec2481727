import { createServer } from 'node:http';
import type { ListenerConfigDocument, StatusReport } from '@cortex-mqtt/contracts';

/** Stands in for the orchestrator's internal API: the document of one product, and ears for its status. */
export interface ConfigServer {
  url: string;
  /** The newest report; null before the first. */
  report(): StatusReport | null;
  close(): Promise<void>;
}

export async function startConfigServer(document: ListenerConfigDocument): Promise<ConfigServer> {
  const body = JSON.stringify(document);
  let report: StatusReport | null = null;
  const server = createServer((request, response) => {
    if (request.method === 'GET' && request.url === '/internal/v1/mqtt-config') {
      response.writeHead(200, { 'content-type': 'application/json', etag: `"${document.revision}"` }).end(body);
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      // Recorded messages: taken, and that is all.
      if (request.url === '/internal/v1/message-segments') {
        response.writeHead(204).end();
        return;
      }
      report = JSON.parse(Buffer.concat(chunks).toString('utf8')) as StatusReport;
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ desired_revision: document.revision, delta_sequence: report.delta.sequence }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    report: () => report,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
