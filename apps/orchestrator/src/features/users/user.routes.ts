import { expectedTags } from '../../http/etag';
import type { UserPrincipal } from '../../http/principal';
import { created, noContent, ok, type Route, type RouteContext, route } from '../../http/route';
import { IdParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import {
  CreatedUserView,
  CreateUserDto,
  IssuedInvitationView,
  UpdateUserDto,
  UserListQuery,
  UserView,
} from './user.dto';
import { type UserService, type UserWriteOptions, userTag } from './user.service';

const ADMIN = { kind: 'role', role: 'admin' } as const;
/** Whoever makes or changes a user makes credentials. */
const MANAGER = { kind: 'role', role: 'admin', scope: 'tokens' } as const;
const NO_STORE = { 'Cache-Control': 'no-store' };
const locationOf = (id: number): string => `/api/v1/users/${id}`;

const writing = (context: RouteContext<object, object, object, UserPrincipal>): UserWriteOptions => ({
  actor: actorOf(context),
  expected_tags: expectedTags(context.request.headers['if-match']),
});

export function userRoutes({ users }: { users: UserService }): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/users',
      summary: 'List users',
      tag: 'Users',
      access: ADMIN,
      query: UserListQuery,
      response: { page: UserView },
      handler: async ({ query }) => ok(await users.list(query)),
    }),
    route({
      method: 'post',
      path: '/api/v1/users',
      summary: 'Create a user, with a password or an invitation to choose one',
      tag: 'Users',
      access: MANAGER,
      body: CreateUserDto,
      response: CreatedUserView,
      status: 201,
      etag: true,
      handler: async (context) => {
        const user = await users.create(context.body, actorOf(context));
        const { invitation: _, ...view } = user;
        return created(user, { Location: locationOf(user.id), ETag: userTag(view), ...NO_STORE });
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/users/{id}',
      summary: 'Read a user',
      tag: 'Users',
      access: ADMIN,
      params: IdParams,
      response: UserView,
      etag: true,
      handler: async ({ params }) => {
        const view = await users.read(params.id);
        return ok(view, { ETag: userTag(view) });
      },
    }),
    route({
      method: 'patch',
      path: '/api/v1/users/{id}',
      summary: 'Change a user: role, grants, password, disabled',
      description: 'Absent fields keep what is stored. The last enabled administrator stays one (409).',
      tag: 'Users',
      access: MANAGER,
      params: IdParams,
      body: UpdateUserDto,
      response: UserView,
      etag: true,
      handler: async (context) => {
        const view = await users.update(context.params.id, context.body, writing(context));
        return ok(view, { ETag: userTag(view) });
      },
    }),
    route({
      method: 'post',
      path: '/api/v1/users/{id}/invitation',
      operation_id: 'inviteUser',
      summary: 'Make a link with which the user chooses a password, in place of any earlier one',
      description: 'Valid for 7 days, once. The present password stays until then.',
      tag: 'Users',
      access: MANAGER,
      params: IdParams,
      response: IssuedInvitationView,
      status: 201,
      handler: async (context) =>
        created(await users.invite(context.params.id, actorOf(context)), {
          Location: locationOf(context.params.id),
          ...NO_STORE,
        }),
    }),
    route({
      method: 'delete',
      path: '/api/v1/users/{id}',
      summary: 'Delete a user with all sessions and tokens',
      tag: 'Users',
      access: MANAGER,
      params: IdParams,
      status: 204,
      etag: true,
      handler: async (context) => {
        await users.delete(context.params.id, writing(context));
        return noContent();
      },
    }),
  ];
}
