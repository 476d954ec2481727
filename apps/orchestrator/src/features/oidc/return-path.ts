const NOWHERE = 'http://nowhere.invalid';
const HOME = '/products';

/** The path of ours that `wanted` names; the start page for anything that would lead elsewhere, or to no page. */
export function returnPath(wanted: string | undefined): string {
  if (wanted === undefined || wanted.length > 2_000 || !/^\/(?![/\\])[\x21-\x7e]*$/.test(wanted)) return HOME;
  if (!URL.canParse(wanted, NOWHERE)) return HOME;
  const { origin, pathname, search, hash } = new URL(wanted, NOWHERE);
  const is_page = origin === NOWHERE && !pathname.startsWith('//') && !/^\/(api|internal|admin)\//.test(pathname);
  return is_page ? `${pathname}${search}${hash}` : HOME;
}
