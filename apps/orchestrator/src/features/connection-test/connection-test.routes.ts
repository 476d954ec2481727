import type { ConnectionTestResult, StageResult } from '@cortex-mqtt/contracts';
import type { Request, Response } from 'express';
import { handled, noContent, ok, type Reply, type Route, route } from '../../http/route';
import { ProductIdParams, ProductParams, UuidParams } from '../../http/route-params';
import { ConnectionTestDto, ConnectionTestView, StagesDto } from './connection-test.dto';
import type { ConnectionTestService } from './connection-test.service';

export function connectionTestRoutes({ connectionTests }: { connectionTests: ConnectionTestService }): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/products/{product_id}/mqtt-config/test',
      summary: 'Test a connection, stage by stage',
      description:
        'Without a body the stored configuration. The stored password goes only to the stored host. A failed test is a 200 ' +
        'too. With `Accept: text/event-stream` an `event: stage` for each stage, then `event: result` or `event: problem`.',
      tag: 'MQTT configuration',
      access: { kind: 'role', role: 'operator' },
      params: ProductParams,
      body: ConnectionTestDto,
      body_optional: true,
      response: ConnectionTestView,
      handler: async ({ params, body, request, response }) =>
        answerTest(request, response, (onStage) =>
          connectionTests.run({ product_id: params.product_id, broker_id: null }, body, onStage),
        ),
    }),
    route({
      method: 'post',
      path: '/api/v1/products/{product_id}/brokers/{id}/test',
      summary: 'Test a further broker, stage by stage',
      description: 'Like the test of the primary one: absent fields are those stored for this broker.',
      tag: 'MQTT configuration',
      access: { kind: 'role', role: 'operator' },
      params: ProductIdParams,
      body: ConnectionTestDto,
      body_optional: true,
      response: ConnectionTestView,
      handler: async ({ params, body, request, response }) =>
        answerTest(request, response, (onStage) =>
          connectionTests.run({ product_id: params.product_id, broker_id: params.id }, body, onStage),
        ),
    }),
    route({
      method: 'get',
      path: '/internal/v1/connection-tests/{id}',
      summary: 'The parameters of a test, secrets included, for the listener that runs it',
      tag: 'Internal',
      access: { kind: 'listener' },
      params: UuidParams,
      handler: async ({ params, principal }) =>
        ok(await connectionTests.request(principal.product_id, params.id), { 'Cache-Control': 'no-store' }),
    }),
    route({
      method: 'post',
      path: '/internal/v1/connection-tests/{id}/stages',
      summary: 'The stages of a test so far',
      tag: 'Internal',
      access: { kind: 'listener' },
      params: UuidParams,
      body: StagesDto,
      status: 204,
      handler: async ({ params, principal, body }) => {
        await connectionTests.recordStages(principal.product_id, params.id, body.stages);
        return noContent();
      },
    }),
  ];
}

/** One JSON answer, or server-sent events for who asks for them. */
async function answerTest(
  request: Request,
  response: Response,
  run: (onStage: (stage: StageResult) => void) => Promise<ConnectionTestResult>,
): Promise<Reply<ConnectionTestResult>> {
  if (!request.headers.accept?.includes('text/event-stream')) return ok(await run(() => {}));
  const send = (event: string, data: unknown): void => {
    if (!response.headersSent) {
      response.status(200).set({ 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-store' });
    }
    response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  try {
    send('result', await run((stage) => send('stage', stage)));
  } catch (error) {
    // Before the first event an error is answered like any other; later the stream has to tell it.
    if (!response.headersSent) throw error;
    send('problem', { detail: error instanceof Error ? error.message : 'The test could not be run.' });
  }
  response.end();
  return handled();
}
