import { wholePage } from '../../http/pagination';
import { created, ok, type Route, route } from '../../http/route';
import { ProductParams, ProductUuidParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import { ChangeReplayDto, CreateReplayDto, ReplayView, StartReplayDto } from './replay.dto';
import type { ReplayService } from './replay.service';

const LIST = '/api/v1/products/{product_id}/replays';
const ONE = `${LIST}/{id}`;
const tag = 'Replays';
const READER = { kind: 'role', role: 'viewer', payloads: true } as const;
const OPERATOR = { kind: 'role', role: 'operator' } as const;

export function replayRoutes({ replays }: { replays: ReplayService }): Route[] {
  const steer = (verb: 'pause' | 'resume' | 'cancel', state: 'running' | 'paused' | 'cancelled', summary: string) =>
    route({
      method: 'post',
      path: `${ONE}/${verb}`,
      summary,
      tag,
      access: OPERATOR,
      params: ProductUuidParams,
      response: ReplayView,
      handler: async (context) =>
        ok(await replays.become(context.params.product_id, context.params.id, state, actorOf(context))),
    });
  return [
    route({
      method: 'get',
      path: LIST,
      summary: 'The newest replays of a product',
      tag,
      access: READER,
      params: ProductParams,
      response: { page: ReplayView },
      handler: async ({ params }) => ok(wholePage(await replays.list(params.product_id))),
    }),
    route({
      method: 'post',
      path: LIST,
      summary: 'Plan to run recorded messages again; nothing is sent yet',
      description:
        'The selection is frozen. The plan says how many messages and deliveries it is, for which subscriptions, and how ' +
        'long it takes; `start` carries it out.',
      tag,
      access: OPERATOR,
      params: ProductParams,
      body: CreateReplayDto,
      response: ReplayView,
      status: 201,
      handler: async (context) => {
        const { params, body, principal } = context;
        const replay = await replays.plan(params.product_id, body, { principal, actor: actorOf(context) });
        return created(replay, { Location: `/api/v1/products/${params.product_id}/replays/${replay.id}` });
      },
    }),
    route({
      method: 'get',
      path: ONE,
      summary: 'A replay with its plan, progress and failures',
      tag,
      access: READER,
      params: ProductUuidParams,
      response: ReplayView,
      handler: async ({ params }) => ok(await replays.read(params.product_id, params.id)),
    }),
    route({
      method: 'patch',
      path: ONE,
      summary: 'Change the rate of a replay',
      tag,
      access: OPERATOR,
      params: ProductUuidParams,
      body: ChangeReplayDto,
      response: ReplayView,
      handler: async (context) => {
        const { params, body } = context;
        return ok(await replays.setRate(params.product_id, params.id, body.rate_per_s, actorOf(context)));
      },
    }),
    route({
      method: 'post',
      path: `${ONE}/start`,
      summary: 'Carry out what was planned',
      description: 'A plan of more than 10,000 messages has to be confirmed with its number.',
      tag,
      access: OPERATOR,
      params: ProductUuidParams,
      body: StartReplayDto,
      body_optional: true,
      response: ReplayView,
      handler: async (context) => {
        const { params, body } = context;
        return ok(await replays.start(params.product_id, params.id, body.confirm_messages, actorOf(context)));
      },
    }),
    steer('pause', 'paused', 'Queue no more of a replay; what is queued ends'),
    steer('resume', 'running', 'Go on with a paused replay'),
    steer('cancel', 'cancelled', 'Queue no more of a replay, for good'),
  ];
}
