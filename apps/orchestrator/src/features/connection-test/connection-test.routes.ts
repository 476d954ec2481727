import type { ConnectionTestResult } from '@cortex-mqtt/contracts';
import type { Request, Response } from 'express';
import { KEEP_ALIVE_MS, openEventStream, sendEvent, sendKeepAlive } from '../../http/event-stream';
import { problemOf } from '../../http/problem';
import { handled, noContent, ok, type Reply, type Route, route } from '../../http/route';
import { ProductIdParams, ProductParams, UuidParams } from '../../http/route-params';
import { ConnectionTestDto, ConnectionTestView, StagesDto } from './connection-test.dto';
import type { ConnectionTestService, PreparedTest } from './connection-test.service';

export function connectionTestRoutes({ connectionTests }: { connectionTests: ConnectionTestService }): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/products/{product_id}/mqtt-config/test',
      summary: 'Test a connection, stage by stage',
      description:
        'What would happen if the body was saved: absent fields, secrets too, are those stored; without a body all of them. ' +
        'The stored password goes to no other host: with another one give `password`, or null. A failed test is a 200 ' +
        'too. With `Accept: text/event-stream` an `event: stage` for each stage (a later one of the same name corrects it), ' +
        'then `event: result` or `event: problem`.',
      tag: 'MQTT configuration',
      access: { kind: 'role', role: 'operator' },
      limit: 'connection_tests',
      event_stream:
        'With `Accept: text/event-stream`: `stage` (StageResultDto) for each stage, then `result` or `problem`.',
      params: ProductParams,
      body: ConnectionTestDto,
      body_optional: true,
      response: ConnectionTestView,
      handler: async ({ params, body, request, response }) =>
        answerTest(
          { request, response },
          await connectionTests.prepare({ product_id: params.product_id, broker_id: null }, body),
        ),
    }),
    route({
      method: 'post',
      path: '/api/v1/products/{product_id}/brokers/{id}/test',
      summary: 'Test a further broker, stage by stage',
      description: 'Like the test of the primary one: absent fields are those stored for this broker.',
      tag: 'MQTT configuration',
      access: { kind: 'role', role: 'operator' },
      limit: 'connection_tests',
      event_stream:
        'With `Accept: text/event-stream`: `stage` (StageResultDto) for each stage, then `result` or `problem`.',
      params: ProductIdParams,
      body: ConnectionTestDto,
      body_optional: true,
      response: ConnectionTestView,
      handler: async ({ params, body, request, response }) =>
        answerTest(
          { request, response },
          await connectionTests.prepare({ product_id: params.product_id, broker_id: params.id }, body),
        ),
    }),
    route({
      method: 'get',
      path: '/internal/v1/connection-tests/{id}',
      summary: 'The parameters of a test, secrets included, for the listener that runs it',
      tag: 'Internal',
      access: { kind: 'listener' },
      params: UuidParams,
      response: { any: 'The request of the test, secrets included' },
      handler: async ({ params, principal }) =>
        ok(await connectionTests.request(principal.product_id, params.id), { 'Cache-Control': 'no-store' }),
    }),
    route({
      method: 'post',
      path: '/internal/v1/connection-tests/{id}/stages',
      operation_id: 'reportConnectionTestStages',
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
  { request, response }: { request: Request; response: Response },
  test: PreparedTest,
): Promise<Reply<ConnectionTestResult>> {
  if (!request.headers.accept?.includes('text/event-stream')) return ok(await test.run(() => {}));
  openEventStream(response);
  const keepAlive = setInterval(() => sendKeepAlive(response), KEEP_ALIVE_MS);
  try {
    sendEvent(response, 'result', await test.run((stage) => sendEvent(response, 'stage', stage)));
  } catch (error) {
    // The status line is gone: the stream has to tell it.
    sendEvent(response, 'problem', problemOf(error, request, response));
    response.end();
    throw error;
  } finally {
    clearInterval(keepAlive);
  }
  response.end();
  return handled();
}
