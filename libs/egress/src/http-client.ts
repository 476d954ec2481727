import type * as Undici from 'undici';

// undici's index also brings fetch, WebSocket, caches and mocks, and makes Node load its own copy of undici: three
// quarters of its memory and start, for parts that nothing here calls.
const api = require('undici/lib/api') as object;
const dispatcher = require('undici/lib/dispatcher/dispatcher') as typeof Undici.Dispatcher;
// As its index does: `request()` and its like become methods of every dispatcher.
Object.assign(dispatcher.prototype, api);

export const Agent = require('undici/lib/dispatcher/agent') as typeof Undici.Agent;
export const Pool = require('undici/lib/dispatcher/pool') as typeof Undici.Pool;
export type Pool = Undici.Pool;
export type { Dispatcher } from 'undici';
export const buildConnector = require('undici/lib/core/connect') as typeof Undici.buildConnector;
export type Connector = Undici.buildConnector.connector;
export type ConnectorOptions = Undici.buildConnector.BuildOptions;
export const errors = require('undici/lib/core/errors') as typeof Undici.errors;
