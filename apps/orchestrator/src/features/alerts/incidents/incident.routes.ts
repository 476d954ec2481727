import type { Response } from 'express';
import { handled, ok, type Route, type RouteContext, route } from '../../../http/route';
import { productsOf, type UserPrincipal } from '../../../http/principal';
import { IdParams } from '../../../http/route-params';
import { IsString, Matches } from 'class-validator';
import { actorOf } from '../../audit/audit-trail';
import {
  AcknowledgeIncidentDto,
  CommentIncidentDto,
  IncidentDetailView,
  IncidentListQuery,
  IncidentView,
  MuteIncidentDto,
} from './incident.dto';
import type { IncidentService } from './incident.service';

const VIEWER = { kind: 'role', role: 'viewer' } as const;
const OPERATOR = { kind: 'role', role: 'operator' } as const;

class LinkParams {
  @IsString()
  @Matches(/^[\w-]{32}\.[\w-]{43}$/)
  token!: string;
}

export function incidentRoutes({ incidents }: { incidents: IncidentService }): Route[] {
  const path = '/api/v1/incidents/{id}';
  return [
    route({
      method: 'get',
      path: '/api/v1/incidents',
      summary: 'List incidents',
      description: 'Open ones first. state=open takes firing and acknowledged ones.',
      tag: 'Alerts',
      access: VIEWER,
      query: IncidentListQuery,
      response: { page: IncidentView },
      handler: async ({ query, principal }) => ok(await incidents.list(query, productsOf(principal))),
    }),
    route({
      method: 'get',
      path,
      summary: 'Read an incident with its timeline',
      tag: 'Alerts',
      access: VIEWER,
      params: IdParams,
      response: IncidentDetailView,
      handler: async ({ params, principal }) => ok(await incidents.read(params.id, productsOf(principal))),
    }),
    route({
      method: 'post',
      path: `${path}/acknowledge`,
      summary: 'Acknowledge an incident',
      description: 'Ends reminders and escalation. The incident stays open until what it is about is over.',
      tag: 'Alerts',
      access: OPERATOR,
      params: IdParams,
      body: AcknowledgeIncidentDto,
      body_optional: true,
      response: IncidentDetailView,
      handler: async (context) => {
        return ok(await incidents.acknowledge(context.params.id, context.body.comment ?? null, by(context)));
      },
    }),
    route({
      method: 'post',
      path: `${path}/mute`,
      summary: 'Mute an incident for a while',
      description: 'Takes until or for_s; until null ends the mute.',
      tag: 'Alerts',
      access: OPERATOR,
      params: IdParams,
      body: MuteIncidentDto,
      response: IncidentDetailView,
      handler: async (context) => {
        return ok(await incidents.mute(context.params.id, context.body, by(context)));
      },
    }),
    route({
      method: 'post',
      path: `${path}/comment`,
      operation_id: 'commentOnIncident',
      summary: 'Comment an incident',
      tag: 'Alerts',
      access: OPERATOR,
      params: IdParams,
      body: CommentIncidentDto,
      response: IncidentDetailView,
      handler: async (context) => {
        return ok(await incidents.comment(context.params.id, context.body.comment, by(context)));
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/incident-links/{token}',
      summary: 'Ask whether to acknowledge an incident, by a link in a message',
      description: 'A page. It changes nothing: programs that look at links in messages must not acknowledge.',
      tag: 'Alerts',
      access: { kind: 'public' },
      rate_limit: 'strict',
      html: true,
      problems: [410],
      params: LinkParams,
      handler: async ({ params, response }) => {
        const { incident } = await incidents.ofLink(params.token);
        const text = `<p>${escapeHtml(incident.summary)}</p><form method="post"><button type="submit">Acknowledge</button></form>`;
        return page(response, incident.title, text);
      },
    }),
    route({
      method: 'post',
      path: '/api/v1/incident-links/{token}',
      operation_id: 'acknowledgeByLink',
      summary: 'Acknowledge an incident by a link in a message; it works once',
      tag: 'Alerts',
      access: { kind: 'public' },
      rate_limit: 'strict',
      html: true,
      problems: [410],
      params: LinkParams,
      handler: async ({ params, response, ip, request_id }) => {
        const incident = await incidents.redeem(params.token, ip, request_id);
        const state =
          incident.state === 'resolved'
            ? 'It is resolved already.'
            : `Acknowledged by ${incident.acknowledged_by ?? 'you'}.`;
        return page(
          response,
          incident.title,
          `<p>${escapeHtml(state)}</p><p><a href="/alerts/incidents/${incident.id}">Open the incident</a></p>`,
        );
      },
    }),
  ];
}

const by = (context: RouteContext<object, object, object, UserPrincipal>) => ({
  actor: actorOf(context),
  scope: productsOf(context.principal),
});

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** Beside the console, for a phone that has never signed in; nothing on it needs a script. */
function page(response: Response, title: string, body: string) {
  response
    .set('Cache-Control', 'no-store')
    .type('html')
    .send(
      `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><h1>${escapeHtml(title)}</h1>${body}</html>`,
    );
  return handled();
}
