import { Type } from 'class-transformer';
import { IsInt, IsISO8601, IsOptional, Max, Min } from 'class-validator';

/** Query of every list: `?page=1&page_size=50`. */
export class PageQuery {
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  @IsOptional()
  page?: number;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(500)
  @IsOptional()
  page_size?: number;
}

/** … and of lists over time. */
export class PeriodPageQuery extends PageQuery {
  /** Not before this time (RFC 3339). */
  @IsISO8601({ strict: true })
  @IsOptional()
  from?: string;

  /** Before this time (RFC 3339). */
  @IsISO8601({ strict: true })
  @IsOptional()
  to?: string;
}

export interface Page<T> {
  items: T[];
  total: number;
  page: number;
  page_size: number;
}

/** A list that is always answered whole, because its length is bounded, in the form of every other list. */
export const wholePage = <T>(items: T[]): Page<T> => ({
  items,
  total: items.length,
  page: 1,
  page_size: Math.max(items.length, 1),
});

/** `LIMIT` and `OFFSET` of a page; the first of 50 by default. */
export function pageWindow(query: PageQuery): { page: number; page_size: number; skip: number; take: number } {
  const page = query.page ?? 1;
  const page_size = query.page_size ?? 50;
  return { page, page_size, skip: (page - 1) * page_size, take: page_size };
}
