import { get } from './client';
import type { ApiPath, Page } from './types';

/** Largest page the server gives. */
const PAGE_SIZE = 500;

/** Reads a list to its end: the first page tells how many there are, the others are fetched beside one another. */
export async function everyPage<T>(path: ApiPath, signal?: AbortSignal): Promise<T[]> {
  const first = await get<Page<T>>(path, { query: { page: 1, page_size: PAGE_SIZE }, signal });
  const pages = Math.ceil(first.total / first.page_size);
  const others = await Promise.all(
    Array.from({ length: Math.max(0, pages - 1) }, (_, index) =>
      get<Page<T>>(path, { query: { page: index + 2, page_size: first.page_size }, signal }),
    ),
  );
  return [first, ...others].flatMap((page) => page.items);
}
