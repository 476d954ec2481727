import { request } from './client';
import type { ApiPath, Page } from './types';
import type { Versioned } from './write-unless-changed';

/** Largest page the server gives. */
const PAGE_SIZE = 500;

/** Reads a list to its end: the first page tells how many there are, the others are fetched beside one another. */
export async function everyPage<T>(path: ApiPath, signal?: AbortSignal): Promise<T[]> {
  return (await everyTaggedPage<T>(path, signal)).value;
}

/** The list with the tag of its first page. */
export async function everyTaggedPage<T>(path: ApiPath, signal?: AbortSignal): Promise<Versioned<T[]>> {
  const read = (page: number, page_size: number) =>
    request<Page<T>>('GET', path, { query: { page, page_size }, signal });
  const { data: first, etag } = await read(1, PAGE_SIZE);
  const pages = Math.ceil(first.total / first.page_size);
  const others = await Promise.all(
    Array.from({ length: Math.max(0, pages - 1) }, (_, index) => read(index + 2, first.page_size)),
  );
  return { value: [first, ...others.map(({ data }) => data)].flatMap((page) => page.items), etag };
}
