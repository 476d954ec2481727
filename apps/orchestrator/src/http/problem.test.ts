import { createTestDatabase } from '@cortex-mqtt/testing';
import type { Request, Response } from 'express';
import { DataSource } from 'typeorm';
import { problemOf } from './problem';

describe('a problem', () => {
  const request = { originalUrl: '/api/v1/products?x=1', path: '/api/v1/products' } as Request;
  const response = { locals: { request_id: 'r' } } as unknown as Response;

  it('is overload when every connection stays in use, and unavailability when none can be made', async () => {
    const database = await createTestDatabase();
    const { url } = database;
    const extra = { connectionTimeoutMillis: 2_000 };
    const dataSource = await new DataSource({ type: 'postgres', url, poolSize: 1, extra }).initialize();
    const holder = dataSource.createQueryRunner();
    await holder.connect();
    const error: unknown = await dataSource.query('SELECT 1').catch((cause: unknown) => cause);
    await holder.release();
    await dataSource.destroy();
    await database.drop();
    expect(problemOf(error, request, response)).toMatchObject({
      type: 'urn:cortex-mqtt:problem:overloaded',
      status: 503,
      instance: '/api/v1/products',
    });
    const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    expect(problemOf(away, request, response).type).toBe('urn:cortex-mqtt:problem:unavailable');
  });
});
