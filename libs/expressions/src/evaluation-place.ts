import { CHEAP_FUNCTIONS, KNOWN_FUNCTIONS } from './native-functions';
import { calledName, childNodes, isNode, type SyntaxNode, visitNodes } from './syntax-tree';

/**
 * Whether an expression may be evaluated in the listener's own thread. It may when it can't loop but over its input,
 * and can't put a value together out of itself more than a few times: paths, filters, comparisons, objects, arrays, and
 * the cheap functions. All else (recursion, ranges, sorting, transforms, functions as values) goes to the sandbox. What
 * is allowed here is still held to a few milliseconds.
 */
export function mayRunInline(root: SyntaxNode): boolean {
  let inline = true;
  let lambdas = 0;
  let callbacks = 0;
  visitNodes(root, (node) => {
    inline &&= isCheap(node);
    if (node.type === 'lambda') lambdas += 1;
    if (node.type === 'function') callbacks += callbacksOf(node);
  });
  // A function anywhere but in the place of a callback could be called by itself.
  return inline && lambdas === callbacks && growth(root, new Map()) <= MAX_GROWTH;
}

/** How many times in a row an expression may build a value out of one it has built. */
const MAX_GROWTH = 4;

const CHEAP_TYPES = new Set([
  'path',
  'binary',
  'unary',
  'name',
  'string',
  'number',
  'value',
  'wildcard',
  'descendant',
  'condition',
  'block',
  'bind',
  'regex',
  'function',
  'variable',
  'lambda',
  'apply',
  'filter',
]);

function isCheap(node: SyntaxNode): boolean {
  if (!CHEAP_TYPES.has(node.type)) return false;
  // `@$v` and `#$i` make JSONata keep the whole ancestry of each item.
  if (node.tuple === true || 'focus' in node || 'index' in node) return false;
  switch (node.type) {
    case 'binary':
      return node.value !== '..';
    case 'function': {
      const name = calledName(node);
      if (name === null || !CHEAP_FUNCTIONS.has(name)) return false;
      // With a picture `$toMillis` builds a pattern out of it.
      return name !== 'toMillis' || arrayOf(node.arguments).length <= 1;
    }
    case 'variable':
      return !KNOWN_FUNCTIONS.has(String(node.value)) || CHEAP_FUNCTIONS.has(String(node.value));
    case 'bind':
      return isNode(node.lhs) && !KNOWN_FUNCTIONS.has(String(node.lhs.value));
    case 'apply':
      // `~>` onto anything but a built-in function could make a function out of two, or call one that was bound.
      return (
        isNode(node.rhs) &&
        (node.rhs.type === 'function' || (node.rhs.type === 'variable' && CHEAP_FUNCTIONS.has(String(node.rhs.value))))
      );
    case 'lambda':
      return arrayOf(node.arguments).every((argument) => !KNOWN_FUNCTIONS.has(String(argument.value)));
    default:
      return true;
  }
}

const CALLBACK_FUNCTIONS = new Set(['map', 'filter', 'each', 'sift']);

function callbacksOf(node: SyntaxNode): number {
  if (!CALLBACK_FUNCTIONS.has(calledName(node) ?? '')) return 0;
  return arrayOf(node.arguments).filter(
    (argument, index) =>
      argument.type === 'lambda' && index <= 1 && isNode(argument.body) && argument.body.type !== 'lambda',
  ).length;
}

function arrayOf(value: unknown): SyntaxNode[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/**
 * The longest chain of steps that can each use what the one before has built: a path step, a binding, a callback or an
 * application that holds a constructor. A chain of n can write its input out (size of the text)^n times.
 */
function growth(node: SyntaxNode, known: Map<SyntaxNode, number>): number {
  const before = known.get(node);
  if (before !== undefined) return before;
  known.set(node, 0);
  const children = childNodes(node);
  const each = children.map((child) => growth(child, known));
  let total: number;
  switch (node.type) {
    case 'path': {
      const steps = arrayOf(node.steps);
      const besides = children.filter((child) => !steps.includes(child)).map((child) => growth(child, known));
      total = steps.reduce(
        (sum, step, index) => sum + growth(step, known) + (index > 0 && holdsConstructor(step) ? 1 : 0),
        ('group' in node ? 1 : 0) + Math.max(0, ...besides),
      );
      break;
    }
    case 'function':
    case 'apply':
    case 'block':
      total = each.reduce((sum, value) => sum + value, 0);
      break;
    case 'bind':
    case 'lambda':
      total = 1 + Math.max(0, ...each);
      break;
    default:
      total = Math.max(0, ...each);
  }
  known.set(node, total);
  return total;
}

function holdsConstructor(node: SyntaxNode): boolean {
  let holds = false;
  visitNodes(node, (inner) => {
    holds ||= inner.type === 'unary' && (inner.value === '{' || inner.value === '[');
    holds ||= inner.type === 'binary' && inner.value === '&';
  });
  return holds;
}
